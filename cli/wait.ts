/** Waits for a session, and shows on stderr how it goes. */

import type { Session, Skein } from "../sdk/index.ts";
import { SESSION_STATES } from "../shared/session/lifecycle.ts";
import { startProgress } from "./progress.ts";
import { progressText } from "./session-text.ts";

/** Until it is running, failed or terminated. */
export function untilSettled(skein: Skein, session: Session): Promise<Session> {
  return until(skein, session, ({ status }) => SESSION_STATES[status].settled);
}

/** Until nothing of it runs any more. */
export function untilEnded(skein: Skein, session: Session): Promise<Session> {
  return until(skein, session, ({ status }) => !SESSION_STATES[status].live);
}

async function until(skein: Skein, session: Session, done: (session: Session) => boolean): Promise<Session> {
  const progress = startProgress();
  let current = session;
  try {
    while (!done(current)) {
      progress.show(`${current.name} is ${progressText(current)}`);
      // The API answers at once when it is settled; a second is how old the progress on the screen may be.
      current = await skein.getSession({ path: { id: session.id }, query: { wait: 1 } });
    }
    return current;
  } finally {
    progress.clear();
  }
}
