/** Handles a Session's report: its state, what became free, and whether it needs another plan. */
import { SESSION_STATES } from "../../shared/session/lifecycle.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { FromFleet, SessionNews } from "../platform/messages.ts";
import { sessionTarget } from "./fleet-mail.ts";
import { freeNetworks, nodesOf, release } from "./reservations.ts";
import { boundEnded } from "./retention.ts";
import { noteStanding, sessionRow } from "./session-index.ts";
import { dequeue, planAgain } from "./waiting-queue.ts";

/** Nodes on which something became free, and whether this is the session's end. */
export interface Effect {
  freed: string[];
  ended: boolean;
}

/** Undefined if the session is forgotten. */
export function takeNews(
  sql: SqlStorage,
  mailbox: Mailbox<FromFleet>,
  news: SessionNews,
  now: number,
): Effect | undefined {
  const row = sessionRow(sql, news.id);
  if (!row) return undefined;
  const before = nodesOf(sql, news.id);
  const ended = noteStanding(sql, row, news, now);
  for (const { epoch, node } of news.removed) release(sql, news.id, epoch, node);
  if (!SESSION_STATES[news.status].live) {
    // A plan that the Session never began, because it ended meanwhile.
    sql.exec("DELETE FROM reservations WHERE session = ? AND epoch > ?", news.id, news.epoch);
    dequeue(sql, news.id);
    mailbox.withdraw(sessionTarget(news.id));
  }
  if (news.replan && news.epoch === row.epoch) planAgain(sql, row, news.avoid, now);
  freeNetworks(sql, news.id);
  if (ended) boundEnded(sql, mailbox, row.project);
  const left = new Set(nodesOf(sql, news.id));
  return { freed: before.filter((node) => !left.has(node)), ended };
}
