/** How long a session waits, for nodes or for clients: each wait has a limit, and what follows once it is over. */
import { isAtGate, isHeld, isRemoving, type SessionRecord } from "../../shared/session/session-record.ts";
import { transition } from "../../shared/session/transition.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import type { PartRow } from "./part-table.ts";
import { checkRemoved, failOrReplan, release, terminate } from "./removal.ts";
import type { SessionStore } from "./session-store.ts";

type Over = (store: SessionStore, record: SessionRecord, seconds: number, now: number) => SessionRecord;

interface Limit {
  seconds: number;
  /** Whether the record waits for this. */
  on: (record: SessionRecord) => boolean;
  since: "phaseAt" | "progressAt" | "gateAt";
  over: Over;
}

/** An alarm this late means that the API was down, so nobody could report, or ask. */
const LATE_MS = 60_000;

function limits({ hold }: SessionRecord): Limit[] {
  const { prepareSeconds, prepareQuietSeconds, startSeconds, gateSeconds, removeSeconds } = SETTINGS;
  const preparing = ({ status }: SessionRecord) => status === "preparing";
  const busy = "see what the node's Docker engine and image registry are busy with";
  return [
    {
      seconds: prepareSeconds,
      on: preparing,
      since: "phaseAt",
      over: failed("was not prepared within", busy),
    },
    {
      seconds: prepareQuietSeconds,
      on: preparing,
      since: "progressAt",
      over: failed("was not prepared, and no node made progress for", busy),
    },
    {
      seconds: startSeconds,
      on: (record) => record.status === "starting" && !isAtGate(record),
      since: "phaseAt",
      over: failed("did not start and prove its containers within", "see the agent's log on the node"),
    },
    { seconds: gateSeconds, on: isAtGate, since: "gateAt", over: notStarted },
    {
      seconds: hold ?? 0,
      on: isHeld,
      since: "phaseAt",
      over: (store, record, _, now) => release(store, record, now),
    },
    { seconds: removeSeconds, on: isRemoving, since: "phaseAt", over: endWithout },
  ];
}

/** The next limit, and when it is over; undefined while the session waits for nothing. */
function next(record: SessionRecord): { limit: Limit; at: number } | undefined {
  return limits(record)
    .flatMap((limit) => {
      const since = limit.on(record) ? record[limit.since] : null;
      return since === null ? [] : [{ limit, at: since + limit.seconds * 1000 }];
    })
    .sort((a, b) => a.at - b.at)[0];
}

/** ms since 1970. */
export function limitAt(record: SessionRecord): number | null {
  return next(record)?.at ?? null;
}

/** Call at `limitAt`. A creation fails or gets another plan; a removal ends without the nodes that are too slow. */
export function strike(store: SessionStore, record: SessionRecord, now: number): SessionRecord {
  const due = next(record);
  if (!due || due.at > now) return record;
  if (now - due.at > LATE_MS) return transition(record, { kind: "waitRestarted", at: now });
  return due.limit.over(store, record, due.limit.seconds, now);
}

function failed(missed: string, remedy: string): Over {
  return (store, record, seconds, now) => {
    const behind = store.parts.behind(record.epoch);
    const reason = sayLimit(store, behind, `${missed} ${seconds} s`, remedy);
    return failOrReplan(store, record, { reason, atFault: behind.map(({ node }) => node) }, now);
  };
}

function notStarted(store: SessionStore, record: SessionRecord, seconds: number, now: number): SessionRecord {
  const reason = `it waited ${seconds} s at its gate (GATE_SECONDS), and nobody started it: skein start, or POST /v1/sessions/{id}/start, opens the gate`;
  return terminate(store, record, "failed", reason, now);
}

function endWithout(store: SessionStore, record: SessionRecord, seconds: number, now: number): SessionRecord {
  const slow = store.parts.waitedFor();
  for (const { node } of slow) store.parts.setAbsent(node);
  const reason = sayLimit(store, slow, `has not removed its part within ${seconds} s`, "it will when it can");
  return checkRemoved(store, transition(record, { kind: "removalTimedOut", reason }), now);
}

/** `node gpu-a was not prepared within 1800 s (sub1: pulling: 40%); see …`. */
function sayLimit(store: SessionStore, parts: PartRow[], missed: string, remedy: string): string {
  const first = parts[0];
  const others = parts.length > 1 ? ` (and ${parts.length - 1} more)` : "";
  const at = first && store.containers.on(first.node).find(({ reason }) => reason !== null);
  const where = first ? `node ${first.name}${others}` : "the session";
  return `${where} ${missed}${at ? ` (${at.host}: ${at.reason})` : ""}; ${remedy}`;
}
