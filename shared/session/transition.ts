/** The one way in which a session changes: an event, checked against the table of steps and the table of states. */
import { maySessionGo, type SessionStatus } from "./lifecycle.ts";
import type { EventKind, SessionEvent } from "./session-events.ts";
import type { SessionRecord } from "./session-record.ts";
import { STEPS, type Step } from "./session-steps.ts";

/** A bug: code applied an event that the session's state does not allow. */
export class IllegalStep extends Error {
  override name = "IllegalStep";
  readonly session: string;
  readonly from: SessionStatus;
  readonly event: EventKind;

  constructor({ id, status, epoch }: SessionRecord, event: EventKind, why: string) {
    super(`session ${id} is ${status} at epoch ${epoch} and cannot take the event ${event}: ${why}`);
    this.session = id;
    this.from = status;
    this.event = event;
  }
}

/** The record after the event; the given one stays as it is. @throws IllegalStep */
export function transition<K extends EventKind>(
  record: SessionRecord,
  event: SessionEvent<K>,
): SessionRecord {
  const step = STEPS[event.kind] as Step<K>;
  const status = step.to ?? record.status;
  const why = objection(record, event, step);
  if (why !== undefined) throw new IllegalStep(record, event.kind, why);
  return {
    ...record,
    ...changedFields(record, event, step),
    status,
    news: record.news + (step.tellsFleet ? 1 : 0),
  };
}

function objection<K extends EventKind>(
  record: SessionRecord,
  event: SessionEvent<K>,
  step: Step<K>,
): string | undefined {
  const { status } = record;
  if (!step.in.includes(status)) return `it comes only in ${step.in.join(", ")}`;
  if (step.to !== undefined && !maySessionGo(status, step.to)) return `${status} never leads to ${step.to}`;
  if (step.if && !step.if.holds(record, event)) return `it comes only if ${step.if.says}`;
  return undefined;
}

function changedFields<K extends EventKind>(
  record: SessionRecord,
  event: SessionEvent<K>,
  { changes }: Step<K>,
): Partial<SessionRecord> {
  const entries = Object.entries(changes) as [string, (of: SessionRecord, by: SessionEvent<K>) => unknown][];
  return Object.fromEntries(entries.map(([field, value]) => [field, value(record, event)]));
}
