/** What of a session's promise cannot be tried yet, and which failed trials tell nothing: by what the engines see. */
import type { Session } from "../../sdk/index.ts";

/** A container by its engine; `startedAt` in ms since 1970, of its latest start. */
export interface Sighting {
  id: string;
  up: boolean;
  startedAt: number;
}

/** Milliseconds that a container which was started again has for its SSH server: nothing waits for that one. */
const YOUNG = 5_000;

/**
 * Why a session that is said to run need not pass yet; undefined: it must, at the first try. An agent that has just come back may have seen what the
 * API has not heard yet. `seen`: by containerId.
 */
export function doubt(
  session: Pick<Session, "status" | "reason" | "startedAt" | "containers">,
  seen: ReadonlyMap<string, Sighting>,
  now: number,
): string | undefined {
  if (session.status !== "running") return session.reason ?? "not running";
  for (const { host, status, containerId, reason } of session.containers) {
    const sighting = seen.get(containerId ?? "");
    const up = sighting?.up ?? false;
    if (/^restart .* in \d+ s/.test(reason ?? "")) return `${host} waits: ${reason}`;
    if (up !== (status === "running"))
      return `${host} is ${status}, and ${up ? "up" : "not up"} by its engine`;
    const again = sighting !== undefined && sighting.startedAt > Date.parse(session.startedAt ?? "");
    if (up && again && now - sighting.startedAt < YOUNG) return `${host} was started again just now`;
  }
  return undefined;
}

/** What happened to a container while it was tried; undefined: it was up all the while. `after`: where it is still there. */
export function excuse(before: Sighting, after: Sighting | undefined): string | undefined {
  if (!after?.up) return "it ended";
  return after.startedAt === before.startedAt ? undefined : "it was started again";
}
