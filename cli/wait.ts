/** Waits for a session by following its events, and shows its progress on stderr. An API that is away for a while only delays it. */

import type { Session, Skein, SkeinEvent } from "../sdk/index.ts";
import { SESSION_STATES } from "../shared/session/lifecycle.ts";
import { applyEvent, isAtGate } from "./followed-session.ts";
import { isFinal } from "./passing.ts";
import { startProgress } from "./progress.ts";

/** `start`: shows everything since the session was made; `now`: what comes from now on. */
type From = "start" | "now";

/** Waits until it is running, failed or terminated. */
export function untilSettled(skein: Skein, session: Session, from: From = "now"): Promise<Session> {
  return until(skein, session, ({ status }) => SESSION_STATES[status].settled, from);
}

/** The same, or until it waits to be started. */
export function untilReady(skein: Skein, session: Session, from: From = "now"): Promise<Session> {
  return until(skein, session, (each) => SESSION_STATES[each.status].settled || isAtGate(each), from);
}

/** Waits until nothing of it runs. */
export function untilEnded(skein: Skein, session: Session): Promise<Session> {
  return until(skein, session, ({ status }) => !SESSION_STATES[status].live, "now");
}

/** The queue knows what a waiting session waits for. No event tells of it, since it changes with every other session. */
const ASK_REASON_MS = 5000;
const RETRY_MS = 1000;

async function until(
  skein: Skein,
  session: Session,
  done: (session: Session) => boolean,
  from: From,
): Promise<Session> {
  if (done(session)) return session;
  const { id } = session;
  const progress = startProgress();
  const stop = new AbortController();
  const { signal } = stop;
  let current = structuredClone(session);
  const look = async () => {
    current = await skein.getSession({ path: { id }, signal });
    progress.update(current);
    if (done(current)) stop.abort();
  };
  const asking = setInterval(() => {
    if (current.status === "pending") look().catch(() => {});
  }, ASK_REASON_MS);
  const onConnection = (connected: boolean, reason?: string) => {
    progress.connection(connected, reason);
    // What happened before the connection.
    if (connected && from === "now") look().catch(() => {});
  };
  try {
    // From the start on the events tell it all. What a waiting session waits for only the API knows.
    if (from === "now" || current.status === "pending") progress.update(current);
    const tail = from === "now" ? { tail: 0 } : {};
    for await (const event of skein.events({ session: id, ...tail, signal, onConnection })) {
      if (!isStillPending(current, event)) applyEvent(current, event);
      progress.update(current, event);
      if (event.event === "session" && done(current)) await patiently(look, signal);
    }
    // The stream has ended with the session.
    await patiently(look, signal);
    return current;
  } finally {
    stop.abort();
    clearInterval(asking);
    progress.end();
  }
}

/** An event that knows less than the API has said. */
function isStillPending({ status, reason }: Session, event: SkeinEvent): boolean {
  return (
    status === "pending" &&
    reason !== null &&
    event.event === "session" &&
    event.status === status &&
    event.reason === null
  );
}

/** Does it again while the API cannot be reached. @throws ApiProblem if the API refuses */
async function patiently(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      return await work();
    } catch (error) {
      if (isFinal(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
