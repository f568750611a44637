/**
 * The audit log. Fleet writes each change in the transaction that makes it, each way into a container before it opens, and takes refusals from
 * the Refusals object.
 */
import type { OperationId } from "../../shared/access/access.ts";
import type { AuditEntry } from "../../shared/access/access-schemas.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { type By, KEPT_REFUSALS, type Refusal, type WayIn } from "../platform/messages.ts";

/** Operations that change something, with the status they answer then; also changes that arrive over a node's link. */
const CHANGES = {
  createSession: 202,
  startSession: 202,
  endSession: 202,
  addSshKeys: 200,
  joinAgent: 201,
  patchNode: 200,
  removeNode: 204,
  createJoinToken: 201,
  createToken: 201,
  revokeToken: 204,
  setRegistry: 200,
  removeRegistry: 204,
  rotateKey: 200,
} as const satisfies Partial<Record<OperationId | "rotateKey", number>>;

/** `at` in ms since 1970. */
type Noted = Omit<Refusal, "code"> & { code: string | null };

type AuditRow = Noted & { seq: number };

/** Call in the transaction of the change. */
export function noteChange(
  sql: SqlStorage,
  { actor, project }: By,
  action: keyof typeof CHANGES,
  target: string | null,
): void {
  const noted = { at: Date.now(), actor, project, action, target, status: CHANGES[action], code: null };
  add(sql, "change", noted, SETTINGS.auditChanges);
}

/** HTTP status of a WebSocket that opens. */
const OPENED = 101;

export function noteWayIn(sql: SqlStorage, { actor, project }: By, action: WayIn, target: string): void {
  const noted = { at: Date.now(), actor, project, action, target, status: OPENED, code: null };
  add(sql, "wayIn", noted, SETTINGS.auditWaysIn);
}

export function noteRefusals(sql: SqlStorage, refusals: readonly Refusal[]): void {
  for (const refusal of refusals) add(sql, "refusal", refusal, KEPT_REFUSALS);
}

/** Newest first, at most `limit`, older than `before`. */
export function listAudit(
  sql: SqlStorage,
  before: number,
  limit: number,
): { seq: number; entry: AuditEntry }[] {
  return sql
    .exec<AuditRow>("SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?", before, limit)
    .toArray()
    .map(({ seq, at, actor, project, action, target, status, code }) => {
      const entry = { id: seq, at: new Date(at).toISOString(), actor, project, action, target, status };
      return { seq, entry: code === null ? entry : { ...entry, code } };
    });
}

/** Entries per millisecond. Times of this century, multiplied by it, stay below 2^53. */
const PER_MS = 2000;

/** Each kind counts its own entries, so that Fleet finds those that are too old without a scan. */
function add(sql: SqlStorage, kind: "change" | "wayIn" | "refusal", noted: Noted, keep: number): void {
  const { last } = sql
    .exec<{ last: number }>("SELECT COALESCE(MAX(nth), 0) AS last FROM audit WHERE kind = ?", kind)
    .one();
  sql.exec("DELETE FROM audit WHERE kind = ? AND nth <= ?", kind, last + 1 - keep);
  sql.exec(
    `INSERT INTO audit (seq, kind, nth, at, actor, project, action, target, status, code)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    freeSeq(sql, noted.at),
    kind,
    last + 1,
    noted.at,
    noted.actor,
    noted.project,
    noted.action,
    noted.target,
    noted.status,
    noted.code,
  );
}

/** The first free number of that millisecond; if all are taken, a number of the next millisecond. */
function freeSeq(sql: SqlStorage, at: number): number {
  for (let ms = at; ; ms++) {
    const { last } = sql
      .exec<{ last: number }>(
        "SELECT COALESCE(MAX(seq), ?1 - 1) AS last FROM audit WHERE seq >= ?1 AND seq < ?2",
        ms * PER_MS,
        (ms + 1) * PER_MS,
      )
      .one();
    if (last + 1 < (ms + 1) * PER_MS) return last + 1;
  }
}
