/** Decides from the engines' view which sessions cannot be tried yet, and which failed trials do not count. */
import type { Session } from "../../sdk/index.ts";

/** A container's state, from its engine; `startedAt`: its latest start, ms since 1970. */
export interface Sighting {
  id: string;
  up: boolean;
  startedAt: number;
}

/** Milliseconds that a restarted container has to start its SSH server, because Skein does not wait for that. */
const YOUNG = 5_000;

/**
 * Why a session reported as running need not pass yet; undefined: it must pass at the first try. An agent that has just come back may know
 * more than the API. `seen`: by containerId.
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

/** What happened to a container during the trial; undefined: it was up all the time. `after`: its state, if it still exists. */
export function excuse(before: Sighting, after: Sighting | undefined): string | undefined {
  if (!after?.up) return "it ended";
  return after.startedAt === before.startedAt ? undefined : "it was started again";
}
