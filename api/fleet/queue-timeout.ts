/** Waiting sessions fail when their `queueTimeout` is over. Only Fleet can tell: it knows what they wait for, and whether one has begun. */
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { FromFleet } from "../platform/messages.ts";
import { sessionTarget } from "./fleet-mail.ts";
import { dequeue, waitingReasons } from "./waiting-queue.ts";

/** Sessions that fail in one transaction: a place in the queue costs up to 1.4 ms. */
const BATCH = 100;

/** When the next one has waited long enough, ms since 1970; null: none has a limit. */
export function earliestTimeout(sql: SqlStorage): number | null {
  return sql
    .exec<{ at: number | null }>("SELECT MIN(waits_until) AS at FROM sessions WHERE waits_until IS NOT NULL")
    .one().at;
}

/** Call in a transaction: takes them out of the queue, so that none of them begins any more, and tells their Sessions. */
export function failImpatient(sql: SqlStorage, mailbox: Mailbox<FromFleet>, now: number): void {
  const rows = sql
    .exec<{ id: string; queue_timeout: number }>(
      "SELECT id, queue_timeout FROM sessions WHERE waits_until <= ? ORDER BY waits_until LIMIT ?",
      now,
      BATCH,
    )
    .toArray();
  const reasons = waitingReasons(
    sql,
    rows.map(({ id }) => id),
  );
  for (const { id, queue_timeout } of rows) {
    dequeue(sql, id);
    const reason = `it waited ${queue_timeout} s, its queueTimeout, and could not begin: ${reasons[id]}`;
    mailbox.post(sessionTarget(id), { kind: "waitedTooLong", reason });
  }
}
