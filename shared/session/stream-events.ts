/** Makes the events of an event stream. (session-events.ts has what makes a session change.) */
import { cutMiddle } from "../text/cut-middle.ts";
import type { ContainerChanged, StreamEvent } from "./event-schemas.ts";
import type { SessionRecord } from "./session-record.ts";

/** A node may report a long reason again and again. The session itself has it whole. */
const REASON_CHARS = 1024;

/** `time` is RFC 3339. */
export function sessionEvent(record: SessionRecord, time: string): StreamEvent {
  const { id, name, status, reason, epoch } = record;
  return { kind: "session", data: { time, sessionId: id, name, status, reason: cut(reason), epoch } };
}

export function containerEvent(data: ContainerChanged): StreamEvent {
  return { kind: "container", data: { ...data, reason: cut(data.reason) } };
}

/** Whether a session event tells of this step. */
export function isSessionChange(before: SessionRecord, after: SessionRecord): boolean {
  return before.status !== after.status || before.reason !== after.reason || before.epoch !== after.epoch;
}

function cut(reason: string | null): string | null {
  return reason === null ? null : cutMiddle(reason, REASON_CHARS);
}
