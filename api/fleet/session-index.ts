/** The index of sessions: each project finds and lists its own. The index stores what lists show, so that a list wakes no Session. */
import type { Plan } from "../../shared/plan/plan.ts";
import { SESSION_STATES, type SessionStatus } from "../../shared/session/lifecycle.ts";
import { begunView } from "../../shared/session/planned-view.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { isId } from "../platform/ids.ts";
import type { Lookup, SessionNews } from "../platform/messages.ts";

export interface SessionRow extends Record<string, SqlStorageValue> {
  seq: number;
  id: string;
  project: string;
  name: string;
  status: string;
  live: number;
  ended_at: number | null;
  priority: number;
  demand: number | null;
  waits_since: number | null;
  queue_timeout: number | null;
  waits_until: number | null;
  epoch: number;
  spec: string;
  avoid: string;
  view: string;
}

export function sessionRow(sql: SqlStorage, id: string): SessionRow | undefined {
  return sql.exec<SessionRow>("SELECT * FROM sessions WHERE id = ?", id).toArray()[0];
}

/** By id or name; of several sessions of one name the live one, else the latest. */
export function findSession(
  sql: SqlStorage,
  project: string,
  idOrName: string,
): Lookup<{ id: string; live: boolean }> {
  const column = isId("ses", idOrName) ? "id" : "name";
  const row = sql
    .exec<{ id: string; live: number }>(
      `SELECT id, live FROM sessions WHERE ${column} = ? AND project = ? ORDER BY live DESC, seq DESC LIMIT 1`,
      idOrName,
      project,
    )
    .toArray()[0];
  if (row) return { found: { id: row.id, live: row.live === 1 } };
  const other = sql.exec(`SELECT 1 FROM sessions WHERE ${column} = ? LIMIT 1`, idOrName);
  return { elsewhere: other.toArray().length > 0 };
}

/**
 * Those with one of `statuses`, or all; newest first, at most `limit`, older than `before`. Reads at most `limit` rows of an index for each
 * status, however many sessions there are, then the rows themselves.
 */
export function listSessions(
  sql: SqlStorage,
  project: string,
  statuses: readonly SessionStatus[] | undefined,
  before: number,
  limit: number,
): { seq: number; view: SessionView }[] {
  const newest = (where: string, ...bindings: string[]) =>
    sql
      .exec<{ seq: number }>(
        `SELECT seq FROM sessions WHERE project = ? ${where} AND seq < ? ORDER BY seq DESC LIMIT ?`,
        ...[project, ...bindings, before, limit],
      )
      .toArray();
  const found = statuses
    ? [...new Set(statuses)].flatMap((status) => newest("AND status = ?", status))
    : newest("");
  const seqs = found
    .map(({ seq }) => seq)
    .sort((a, b) => b - a)
    .slice(0, limit);
  return sql
    .exec<{ seq: number; view: string }>(
      "SELECT seq, view FROM sessions WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq DESC",
      JSON.stringify(seqs),
    )
    .toArray()
    .map(({ seq, view }) => ({ seq, view: JSON.parse(view) as SessionView }));
}

/** Its plan begins. Set here, because the Session's next news comes only once all nodes are prepared. */
export function noteBegun(sql: SqlStorage, { id, view }: SessionRow, epoch: number, plan: Plan): void {
  const begun = begunView(JSON.parse(view) as SessionView, epoch, plan);
  const text = JSON.stringify(begun);
  sql.exec("UPDATE sessions SET status = ?, epoch = ?, view = ? WHERE id = ?", begun.status, epoch, text, id);
}

/** Stores the state that a session reports. True if this is its end. */
export function noteStanding(
  sql: SqlStorage,
  row: SessionRow,
  { status, view, epoch }: Pick<SessionNews, "status" | "view" | "epoch">,
  now: number,
): boolean {
  // The Session does not know yet that its next plan has begun.
  if (status === "pending" && epoch < row.epoch) return false;
  const { live } = SESSION_STATES[status];
  const ended = !live && row.live === 1;
  sql.exec(
    "UPDATE sessions SET status = ?, live = ?, view = ?, ended_at = ?, spec = IIF(?2, spec, '') WHERE id = ?",
    status,
    live ? 1 : 0,
    view,
    live ? null : (row.ended_at ?? now),
    row.id,
  );
  return ended;
}
