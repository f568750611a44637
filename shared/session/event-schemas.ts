/** What an event stream tells of sessions and containers, as zod schemas: a source of the OpenAPI document. */
import { z } from "zod";
import { Time } from "../text/text-schemas.ts";
import { ContainerView, SessionView } from "./session-schemas.ts";

const sessionId = SessionView.shape.id;

/** `event: session`: the session's status, reason or epoch changed. */
export const SessionChanged = z
  .object({
    time: Time,
    sessionId,
    ...SessionView.pick({ name: true, status: true, reason: true, epoch: true }).shape,
  })
  .meta({ id: "SessionChanged", description: "`event: session`: its status, reason or epoch changed" });
export type SessionChanged = z.infer<typeof SessionChanged>;

/** `event: container`: the container's status, reason or exit code changed. `event: progress`: how far the pull of its image is. */
export const ContainerChanged = z
  .object({
    time: Time,
    sessionId,
    ...ContainerView.pick({ host: true, node: true, status: true, reason: true, exitCode: true }).shape,
  })
  .meta({
    id: "ContainerChanged",
    description:
      "`event: container`: its status, reason or exit code changed. `event: progress`: how far the pull of its image is",
  });
export type ContainerChanged = z.infer<typeof ContainerChanged>;

/** An event as it is stored; progress is not. */
export type StreamEvent =
  | { kind: "session"; data: SessionChanged }
  | { kind: "container"; data: ContainerChanged };
