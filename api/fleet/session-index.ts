/** The index of sessions: each project finds and lists its own. */
import type { SessionStatus } from "../../shared/session/lifecycle.ts";
import { isId } from "../platform/ids.ts";
import type { Lookup } from "../platform/messages.ts";

/** By id or name: of a name the live one, else the latest. */
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

/** Newest first, at most `limit`, older than `before`. */
export function listSessions(
  sql: SqlStorage,
  project: string,
  status: SessionStatus | undefined,
  before: number,
  limit: number,
): { seq: number; id: string }[] {
  return sql
    .exec<{ seq: number; id: string }>(
      `SELECT seq, id FROM sessions WHERE project = ? AND seq < ? ${status ? "AND status = ?" : ""}
       ORDER BY seq DESC LIMIT ?`,
      ...(status ? [project, before, status, limit] : [project, before, limit]),
    )
    .toArray();
}
