/** The list of all tokens, without the tokens themselves: Skein does not store those. */

import type { TokenView } from "../../shared/access/access-schemas.ts";
import { SkeinError } from "../../shared/errors/errors.ts";

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

/** A new token; times in ms since 1970. */
export interface NewToken {
  id: string;
  project: string;
  role: TokenView["role"];
  note: string | null;
  createdAt: number;
  expiresAt: number;
}

/** False if it exists already: the call came twice. */
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

/** Newest first, at most `limit`, older than `before`. A token counts as revoked once its Limiter knows. */
export function listTokens(
  sql: SqlStorage,
  isTold: (id: string) => boolean,
  before: number,
  limit: number,
): { seq: number; view: TokenView }[] {
  return sql
    .exec<TokenRow>("SELECT * FROM tokens WHERE seq < ? ORDER BY seq DESC LIMIT ?", before, limit)
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
        revokedAt: row.revoked_at === null || !isTold(row.id) ? null : timeText(row.revoked_at),
      },
    }));
}

/** False if it was revoked before. @throws SkeinError `not_found`. */
export function revokeToken(sql: SqlStorage, id: string, now: number): boolean {
  const row = sql.exec<TokenRow>("SELECT * FROM tokens WHERE id = ?", id).toArray()[0];
  if (!row) throw new SkeinError("not_found", "no token has that id: GET /v1/tokens lists them");
  if (row.revoked_at !== null) return false;
  sql.exec("UPDATE tokens SET revoked_at = ? WHERE id = ?", now, id);
  return true;
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
