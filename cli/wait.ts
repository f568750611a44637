/** Waits for a session, and shows its progress on stderr. */

import type { Session, Skein } from "../sdk/index.ts";
import { SESSION_STATES } from "../shared/session/lifecycle.ts";
import { startProgress } from "./progress.ts";
import { progressText } from "./session-text.ts";

/** Waits until it is running, failed or terminated. */
export function untilSettled(skein: Skein, session: Session): Promise<Session> {
  return until(skein, session, ({ status }) => SESSION_STATES[status].settled);
}

/** Waits until nothing of it runs. */
export function untilEnded(skein: Skein, session: Session): Promise<Session> {
  return until(skein, session, ({ status }) => !SESSION_STATES[status].live);
}

async function until(skein: Skein, session: Session, done: (session: Session) => boolean): Promise<Session> {
  const progress = startProgress();
  let current = session;
  try {
    while (!done(current)) {
      progress.show(`${current.name} is ${progressText(current)}`);
      // The API answers at once when the session is settled. One second is the longest that the shown progress may lag.
      current = await skein.getSession({ path: { id: session.id }, query: { wait: 1 } });
    }
    return current;
  } finally {
    progress.clear();
  }
}
