/** The list of the tokens that were made: all but the tokens themselves, which nobody keeps. */

import type { TokenView } from "../../shared/access/access-schemas.ts";
import { SkeinError } from "../../shared/errors/errors.ts";
import type { Outbox } from "./outbox.ts";

interface TokenRow extends Record<string, SqlStorageValue> {
  seq: number;
  id: string;
  project: string;
  role: string;
  note: string | null;
  created_at: number;
  expires_at: number;
  revoked_at: number | null;
}

/** A token as it is made; times in ms since 1970. */
export interface NewToken {
  id: string;
  project: string;
  role: TokenView["role"];
  note: string | null;
  createdAt: number;
  expiresAt: number;
}

/** False where it is there already: the call came twice. */
export function addToken(sql: SqlStorage, token: NewToken): boolean {
  const added = sql.exec(
    `INSERT INTO tokens (id, project, role, note, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING RETURNING seq`,
    token.id,
    token.project,
    token.role,
    token.note,
    token.createdAt,
    token.expiresAt,
  );
  return added.toArray().length > 0;
}

/** Newest first, at most `limit`, older than `before`. One counts as revoked once its Limiter has taken it. */
export function listTokens(
  sql: SqlStorage,
  before: number,
  limit: number,
): { seq: number; view: TokenView }[] {
  return sql
    .exec<TokenRow & { untold: number }>(
      `SELECT *, EXISTS (SELECT 1 FROM outbox WHERE target = tokens.id) AS untold FROM tokens
       WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
      before,
      limit,
    )
    .toArray()
    .map((row) => ({
      seq: row.seq,
      view: {
        id: row.id,
        project: row.project,
        role: row.role as TokenView["role"],
        note: row.note,
        createdAt: timeText(row.created_at),
        expiresAt: timeText(row.expires_at),
        revokedAt: row.revoked_at === null || row.untold === 1 ? null : timeText(row.revoked_at),
      },
    }));
}

/** Has its Limiter told. False where it was revoked before. */
export function revokeToken(sql: SqlStorage, outbox: Outbox, id: string, now: number): boolean {
  const row = sql.exec<TokenRow>("SELECT * FROM tokens WHERE id = ?", id).toArray()[0];
  if (!row) throw new SkeinError("not_found", "no token of that id: GET /v1/tokens lists them");
  if (row.revoked_at !== null) return false;
  sql.exec("UPDATE tokens SET revoked_at = ? WHERE id = ?", now, id);
  outbox.add(id, { to: "limiter" });
  return true;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
