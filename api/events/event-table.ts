/**
 * The events that an object keeps, numbered from 1. They are added in the transaction of the change that they tell of: so a reader who comes
 * back with the last number it saw misses nothing and sees nothing twice.
 */
import type { StreamEvent } from "../../shared/session/event-schemas.ts";

/** The newest row always stays, so SQLite never gives a number twice (a table of AUTOINCREMENT would cost a write more). */
export const EVENTS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    -- JSON, as clients get it.
    data TEXT NOT NULL
  );`;

export interface EventRow extends Record<string, SqlStorageValue> {
  seq: number;
  kind: StreamEvent["kind"];
  data: string;
}

/** Rows that are deleted together: one by one would be a write more for each event. */
const PRUNED_AT_ONCE = 1000;

export class EventTable {
  readonly #sql: SqlStorage;
  readonly #kept: number;

  /** Keeps the last `kept` events, and up to 1,000 more. */
  constructor(sql: SqlStorage, kept: number) {
    this.#sql = sql;
    this.#kept = kept;
  }

  /**
   * Adds events in their order: a fixed number of statements, however many. `data` is an object, or its JSON text. Returns the number up to
   * which it deleted old ones; undefined: it deleted none.
   */
  append(events: readonly { kind: string; data: object | string }[]): number | undefined {
    const rows = events.map(({ kind, data }) => [
      kind,
      typeof data === "string" ? data : JSON.stringify(data),
    ]);
    this.#sql.exec(
      "INSERT INTO events (kind, data) SELECT value ->> 0, value ->> 1 FROM json_each(?) ORDER BY key",
      JSON.stringify(rows),
    );
    const last = this.last();
    if (last - this.#oldest() < this.#kept + PRUNED_AT_ONCE) return undefined;
    this.#sql.exec("DELETE FROM events WHERE seq <= ?", last - this.#kept);
    return last - this.#kept;
  }

  /** Number of the newest; 0: none yet. */
  last(): number {
    return this.#sql.exec<{ seq: number | null }>("SELECT MAX(seq) AS seq FROM events").one().seq ?? 0;
  }

  /** Events after that number, at most `most`, and no more once their data has `chars` UTF-16 units. */
  after(seq: number, most: number, chars = Number.POSITIVE_INFINITY): EventRow[] {
    const found: EventRow[] = [];
    let length = 0;
    const rows = this.#sql.exec<EventRow>(
      "SELECT seq, kind, data FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
      seq,
      most,
    );
    for (const row of rows) {
      found.push(row);
      length += row.data.length;
      if (length >= chars) break;
    }
    return found;
  }

  #oldest(): number {
    return this.#sql.exec<{ seq: number | null }>("SELECT MIN(seq) AS seq FROM events").one().seq ?? 0;
  }
}
