/** How long a session waits for its nodes: each wait has a limit, and a reason that is shown after it. */
import { isRemoving, type SessionRecord } from "../../shared/session/session-record.ts";
import { transition } from "../../shared/session/transition.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import type { PartRow } from "./part-table.ts";
import { checkRemoved, failOrReplan } from "./removal.ts";
import type { SessionStore } from "./session-store.ts";

interface Limit {
  seconds: number;
  /** Whether the record waits for this. */
  on: (record: SessionRecord) => boolean;
  since: "phaseAt" | "progressAt";
  /** What the node failed to do. */
  missed: string;
  remedy: string;
}

/** An alarm this late means that the API was down, so nodes could not report. */
const LATE_MS = 60_000;

function limits(): Limit[] {
  const { prepareSeconds, prepareQuietSeconds, startSeconds, removeSeconds } = SETTINGS;
  const preparing = ({ status }: SessionRecord) => status === "preparing";
  const busy = "see what the node's Docker engine and image registry are busy with";
  return [
    {
      seconds: prepareSeconds,
      on: preparing,
      since: "phaseAt",
      missed: "was not prepared within",
      remedy: busy,
    },
    {
      seconds: prepareQuietSeconds,
      on: preparing,
      since: "progressAt",
      missed: "was not prepared, and no node made progress for",
      remedy: busy,
    },
    {
      seconds: startSeconds,
      on: ({ status }) => status === "starting",
      since: "phaseAt",
      missed: "did not start and prove its containers within",
      remedy: "see the agent's log on the node",
    },
    {
      seconds: removeSeconds,
      on: isRemoving,
      since: "phaseAt",
      missed: "has not removed its part within",
      remedy: "it will when it can",
    },
  ];
}

/** The next limit, and when it is over; undefined while the session waits for nothing. */
function next(record: SessionRecord): { limit: Limit; at: number } | undefined {
  return limits()
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
  const { limit } = due;
  if (isRemoving(record)) return endWithout(store, record, limit, now);
  const behind = store.parts.behind(record.epoch);
  const atFault = behind.map(({ node }) => node);
  return failOrReplan(store, record, { reason: sayLimit(store, limit, behind), atFault }, now);
}

function endWithout(store: SessionStore, record: SessionRecord, limit: Limit, now: number): SessionRecord {
  const slow = store.parts.waitedFor();
  for (const { node } of slow) store.parts.setAbsent(node);
  const reason = sayLimit(store, limit, slow);
  return checkRemoved(store, transition(record, { kind: "removalTimedOut", reason }), now);
}

/** `node gpu-a was not prepared within 1800 s (sub1: pulling: 40%); see …`. */
function sayLimit(store: SessionStore, { missed, seconds, remedy }: Limit, parts: PartRow[]): string {
  const first = parts[0];
  const others = parts.length > 1 ? ` (and ${parts.length - 1} more)` : "";
  const at = first && store.containers.on(first.node).find(({ reason }) => reason !== null);
  const where = first ? `node ${first.name}${others}` : "the session";
  return `${where} ${missed} ${seconds} s${at ? ` (${at.host}: ${at.reason})` : ""}; ${remedy}`;
}
