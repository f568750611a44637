/** Lists of sessions by their status. */
import type { Session, Skein } from "../sdk/index.ts";
import { SESSION_STATES, SESSION_STATUSES } from "../shared/session/lifecycle.ts";
import { allOf } from "./pages.ts";

export type Status = Session["status"];

export const LIVE: readonly Status[] = SESSION_STATUSES.filter((status) => SESSION_STATES[status].live);

/** One list for each status: live ones are few, while ended sessions only become more. Newest first. */
export async function withStatus(skein: Skein, statuses: readonly Status[]): Promise<Session[]> {
  const lists = await Promise.all(statuses.map((status) => allOf(skein.sessions({ status }))));
  // A session whose status changes between the requests may be in two lists.
  const byId = new Map(lists.flat().map((session) => [session.id, session]));
  return [...byId.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}
