/** A session as someone knows it who follows its events. */
import type { Session, SkeinEvent } from "../sdk/index.ts";
import { CONTAINER_STATES } from "../shared/session/lifecycle.ts";
import { WAITS_FOR_START } from "../shared/session/session-record.ts";

/** Changes the session to what it is after the event. Unknown hosts are left out. */
export function applyEvent(session: Session, event: SkeinEvent): void {
  if (event.event === "session") {
    const { status, reason, epoch } = event;
    Object.assign(session, { status, reason, epoch });
    return;
  }
  const { host, node, status, reason, exitCode } = event;
  const container = session.containers.find((each) => each.host === host);
  if (container) Object.assign(container, { node, status, reason, exitCode });
}

/** Whether everything of it is ready, and it waits to be started (`gate: "manual"`). */
export function isAtGate({ status, reason }: Pick<Session, "status" | "reason">): boolean {
  return status === "starting" && reason === WAITS_FOR_START;
}

/** `2 prepared, 2 pulling`: in the order in which containers go through them. */
export function countsText({ containers }: Pick<Session, "containers">): string {
  return counts(containers)
    .map(([status, { length }]) => `${length} ${status}`)
    .join(", ");
}

type Container = Session["containers"][number];

/** Containers by status, in the order in which containers go through them. */
export function counts(containers: readonly Container[]): [Container["status"], Container[]][] {
  const order = Object.keys(CONTAINER_STATES);
  return [...Map.groupBy(containers, ({ status }) => status)].sort(
    ([a], [b]) => order.indexOf(a) - order.indexOf(b),
  );
}

/** Something about it needs to be read: not the progress of its image. */
export function isTroubled({ status, reason }: Container): boolean {
  return status === "exited" || status === "lost" || (reason !== null && status !== "pulling");
}
