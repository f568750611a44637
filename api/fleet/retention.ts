/**
 * How long ended sessions stay: `SESSION_RETENTION_SECONDS`, and at most so many per project. A session stays while a lost node may still
 * hold a part of it: only the Session can take the node's report that the part is gone. O(sessions that go) per sweep.
 */
import { forgetSender, type Mailbox } from "../mailbox/mailbox.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import type { FromFleet } from "../platform/messages.ts";
import { sessionTarget } from "./fleet-mail.ts";

/**
 * Sessions that go in one sweep, and the pause after a full one: 10 per second, or 864,000 a day. Each wakes its object to empty it, and an
 * object stays in memory for about 10 s after that. At 40 per second, 1,500 sessions took 90 MB, and at 10 per second 22 MB; workerd gives
 * none of it back.
 */
const BATCH = 50;
export const RETENTION_PAUSE_MS = 5_000;
/** Sessions mostly end in groups: one sweep a minute removes all of them. */
const SETTLE_MS = 60_000;

const NOTHING_HELD = "NOT EXISTS (SELECT 1 FROM reservations WHERE session = sessions.id)";

/** When the next sweep has something to do, ms since 1970; undefined if no session has ended. */
export function retentionDue(sql: SqlStorage, now: number): number | undefined {
  const [first] = sql
    .exec<{ at: number }>(
      `SELECT ended_at AS at FROM sessions WHERE live = 0 AND ${NOTHING_HELD} ORDER BY ended_at LIMIT 1`,
    )
    .toArray();
  if (!first) return undefined;
  const over = first.at + SETTINGS.sessionRetentionSeconds * 1000;
  return over <= now ? now : over + Math.min(SETTLE_MS, SETTINGS.sessionRetentionSeconds * 100);
}

/** Forgets sessions whose retention is over; true if there may be more of them. O(1) if there are none. */
export function sweepEnded(sql: SqlStorage, mailbox: Mailbox<FromFleet>, now: number): boolean {
  const oldest = now - SETTINGS.sessionRetentionSeconds * 1000;
  const rows = sql
    .exec<{ id: string }>(
      `SELECT id FROM sessions WHERE live = 0 AND ended_at <= ? AND ${NOTHING_HELD} ORDER BY ended_at LIMIT ?`,
      oldest,
      BATCH,
    )
    .toArray();
  for (const { id } of rows) forget(sql, mailbox, id);
  return rows.length === BATCH;
}

/**
 * Forgets what a project has ended beyond its bound, the oldest first. Call it when one of its sessions has ended. O(ended sessions of
 * the project) entries of an index: 0.3 ms for 10,000.
 */
export function boundEnded(sql: SqlStorage, mailbox: Mailbox<FromFleet>, project: string): void {
  const { count } = sql
    .exec<{ count: number }>("SELECT COUNT(*) AS count FROM sessions WHERE project = ? AND live = 0", project)
    .one();
  if (count <= SETTINGS.maxEndedSessions) return;
  const rows = sql.exec<{ id: string }>(
    `SELECT id FROM sessions WHERE project = ? AND live = 0 AND ${NOTHING_HELD} ORDER BY ended_at LIMIT ?`,
    project,
    Math.min(BATCH, count - SETTINGS.maxEndedSessions),
  );
  for (const { id } of rows.toArray()) forget(sql, mailbox, id);
}

function forget(sql: SqlStorage, mailbox: Mailbox<FromFleet>, id: string): void {
  sql.exec("DELETE FROM sessions WHERE id = ?", id);
  forgetSender(sql, id);
  mailbox.withdraw(sessionTarget(id));
  mailbox.post(sessionTarget(id), { kind: "forget" });
}
