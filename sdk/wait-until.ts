/** Waits for a session by its events. An API that is away for a while only delays it. */
import { ApiProblem } from "./api-problem.ts";
import type { FollowOptions, SkeinEvent } from "./events.ts";
import type { Session } from "./generated/types.gen.ts";
import type { ConnectionOptions } from "./reconnecting.ts";

/** `running`; `ready`: running, or waiting to be started (`gate: "manual"`); `ended`: terminated or failed; or what a function says of the session whenever its status, reason or epoch has changed. */
export type Condition = "running" | "ready" | "ended" | ((session: Session) => boolean);

/** The session has ended, so what was waited for cannot come any more. */
export class SessionEnded extends Error {
  readonly session: Session;

  constructor(session: Session) {
    super(`session ${session.name} has ${session.status}${session.reason ? `: ${session.reason}` : ""}`);
    this.name = "SessionEnded";
    this.session = session;
  }
}

interface Api {
  getSession(options: { path: { id: string }; signal?: AbortSignal }): Promise<Session>;
  events(options: FollowOptions): AsyncGenerator<SkeinEvent, void, undefined>;
}

/** @throws ApiProblem; SessionEnded; the signal's reason once it is aborted */
export async function waitUntil(
  api: Api,
  idOrName: string,
  until: Condition,
  { signal, onConnection }: ConnectionOptions = {},
): Promise<Session> {
  const holds = conditionOf(until);
  let session = await api.getSession({ path: { id: idOrName }, ...(signal ? { signal } : {}) });
  // By its id: another session may get the name meanwhile.
  const { id } = session;
  const done = () => holds(session) || hasEnded(session);
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const look = async () => {
    session = await patiently(() => api.getSession({ path: { id }, signal: both }), both);
    if (done()) stop.abort();
  };
  if (!done()) {
    const following = api.events({
      session: id,
      tail: 0,
      signal: both,
      onConnection(connected, reason) {
        onConnection?.(connected, reason);
        // What happened before the connection.
        if (connected) look().catch(() => {});
      },
    });
    try {
      for await (const { event } of following) if (event === "session") await look();
      // The stream has ended with the session.
      if (!both.aborted) await look();
    } catch (error) {
      if (!both.aborted) throw error;
    } finally {
      stop.abort();
    }
  }
  signal?.throwIfAborted();
  if (!holds(session)) throw new SessionEnded(session);
  return session;
}

function conditionOf(until: Condition): (session: Session) => boolean {
  if (typeof until === "function") return until;
  if (until === "ended") return hasEnded;
  return ({ status, reason }) =>
    status === "running" || (until === "ready" && status === "starting" && reason === "waits for start");
}

function hasEnded({ status }: Session): boolean {
  return status === "terminated" || status === "failed";
}

const RETRY_MS = 1000;

/** Asks again while the API cannot be reached, or is busy. @throws ApiProblem that another try would meet again */
async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const status = error instanceof ApiProblem ? error.problem.status : 503;
      if (signal.aborted || (status < 500 && status !== 429)) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
