/**
 * The Feed object: the events of all sessions of a project, in the order in which it heard of them, numbered by itself. Sessions tell it in
 * batches, which may come twice.
 */
import { DurableObject } from "cloudflare:workers";
import { type HeldToken, TokenWatch } from "../access/token-watch.ts";
import { EventStreams, type StreamStart } from "../events/event-streams.ts";
import { EVENTS_SCHEMA, type EventRow, EventTable } from "../events/event-table.ts";

/** Events that it keeps. */
export const FEED_EVENTS = 20_000;

/** `seq`: the last event taken from a session, by the session's own numbers. `at`: its number here. */
const TAKEN_SCHEMA = `
  CREATE TABLE IF NOT EXISTS taken (session TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
`;

export class Feed extends DurableObject<Cloudflare.Env> {
  readonly #events: EventTable;
  readonly #streams: EventStreams;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    ctx.storage.sql.exec(EVENTS_SCHEMA + TAKEN_SCHEMA);
    this.#events = new EventTable(ctx.storage.sql, FEED_EVENTS);
    this.#streams = new EventStreams(ctx.storage, new TokenWatch(env), {
      table: this.#events,
      isOver: () => false,
    });
  }

  /** From a Session: its events in their order. Those that it took before are dropped. */
  take(session: string, rows: EventRow[]): void {
    const { sql } = this.ctx.storage;
    this.ctx.storage.transactionSync(() => {
      const [known] = sql.exec<{ seq: number }>("SELECT seq FROM taken WHERE session = ?", session).toArray();
      const fresh = rows.filter(({ seq }) => seq > (known?.seq ?? 0));
      if (fresh.length === 0) return;
      const deleted = this.#events.append(fresh);
      // A batch comes twice within seconds. A session that was silent for so long has none on its way.
      if (deleted !== undefined) sql.exec("DELETE FROM taken WHERE at <= ?", deleted);
      sql.exec(
        "INSERT OR REPLACE INTO taken (session, seq, at) VALUES (?, ?, ?)",
        session,
        fresh.at(-1)!.seq,
        this.#events.last(),
      );
    });
    this.#streams.wake();
  }

  open(start: StreamStart, token: HeldToken): ReadableStream<Uint8Array> {
    return this.#streams.open(start, token)!;
  }
}
