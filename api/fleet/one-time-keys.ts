/** Join tokens (as hashes only) and idempotency keys, which expire. */
import { SkeinError } from "../../shared/errors/errors.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { sessionRow } from "./session-index.ts";

/** A client's key, which belongs to its project, and SHA-256 of the body it came with. */
export interface IdempotencyKey {
  key: string;
  body: string;
}

export function addJoinToken(sql: SqlStorage, hash: string, now: number): number {
  sql.exec("DELETE FROM join_tokens WHERE expires_at <= ?", now);
  const expiresAt = now + SETTINGS.joinTokenSeconds * 1000;
  sql.exec("INSERT INTO join_tokens (hash, expires_at) VALUES (?, ?)", hash, expiresAt);
  return expiresAt;
}

/** A token works once: this deletes it. */
export function spendJoinToken(sql: SqlStorage, hash: string, now: number): void {
  const spent = sql.exec(
    "DELETE FROM join_tokens WHERE hash = ? AND expires_at > ? RETURNING hash",
    hash,
    now,
  );
  if (spent.toArray().length === 0) {
    throw new SkeinError(
      "join_token_invalid",
      "the join token is unknown, used or expired: make a new one with POST /v1/join-tokens",
    );
  }
}

/** The session made with this key; undefined if the key is new. */
export function sessionOfKey(
  sql: SqlStorage,
  project: string,
  { key, body }: IdempotencyKey,
  now: number,
): string | undefined {
  sql.exec("DELETE FROM idempotency WHERE expires_at <= ?", now);
  const row = sql
    .exec<{ body: string; session: string }>(
      "SELECT body, session FROM idempotency WHERE project = ? AND key = ?",
      project,
      key,
    )
    .toArray()[0];
  if (row && row.body !== body) {
    throw new SkeinError(
      "idempotency_conflict",
      `the Idempotency-Key made ${row.session} with another body: use a new key`,
    );
  }
  if (row && !sessionRow(sql, row.session)) {
    throw new SkeinError(
      "idempotency_conflict",
      `the Idempotency-Key made ${row.session}, which has ended and is kept no longer: use a new key`,
    );
  }
  return row?.session;
}

export function rememberKey(
  sql: SqlStorage,
  project: string,
  { key, body }: IdempotencyKey,
  session: string,
  now: number,
): void {
  const expiresAt = now + SETTINGS.idempotencySeconds * 1000;
  sql.exec(
    "INSERT INTO idempotency (project, key, body, session, expires_at) VALUES (?, ?, ?, ?, ?)",
    project,
    key,
    body,
    session,
    expiresAt,
  );
}
