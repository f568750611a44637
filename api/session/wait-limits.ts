/** How long a session waits for its nodes: each wait has a limit, and a reason when it strikes. */
import { SETTINGS } from "../../shared/settings/settings.ts";
import { failOrRetry, settle } from "./rules.ts";
import type { PartRow, SessionRecord, SessionStore } from "./session-store.ts";

interface Limit {
  seconds: number;
  /** Whether what the record waits for falls under it. */
  on: (record: SessionRecord) => boolean;
  since: "phaseAt" | "progressAt";
  /** What the node did not do. */
  missed: string;
  remedy: string;
}

/** An alarm that rings so late was kept from it: the API was away, and the nodes could not tell it how they went on. */
const LATE_MS = 60_000;

const isRemoving = ({ outcome, settled }: SessionRecord) => outcome !== null && !settled;

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

/** The limit that strikes next, and when; undefined while nothing is waited for. */
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

/** Call when it is due: fails what is on its way up; what is on its way down ends without its word. */
export function strike(store: SessionStore, record: SessionRecord, now: number): void {
  const due = next(record);
  if (!due || due.at > now) return;
  if (now - due.at > LATE_MS) {
    Object.assign(record, { phaseAt: now, progressAt: now });
    return;
  }
  const { limit } = due;
  if (isRemoving(record)) {
    const held = store.parts().filter((part) => part.reached < part.wanted && part.absent === 0);
    record.reason = [record.reason, sayLimit(store, limit, held)].filter(Boolean).join("; ");
    for (const { node } of held) store.setAbsent(node);
    settle(store, record);
  } else {
    const behind = store.behind(record.epoch);
    const atFault = behind.map(({ node }) => node);
    failOrRetry(store, record, atFault, sayLimit(store, limit, behind), now);
  }
}

/** `node gpu-a was not prepared within 1800 s (sub1: pulling: 40%); see …`. */
function sayLimit(store: SessionStore, { missed, seconds, remedy }: Limit, parts: PartRow[]): string {
  const first = parts[0];
  const others = parts.length > 1 ? ` (and ${parts.length - 1} more)` : "";
  const at = first && store.containersOn(first.node).find(({ reason }) => reason !== null);
  const where = first ? `node ${first.name}${others}` : "the session";
  return `${where} ${missed} ${seconds} s${at ? ` (${at.host}: ${at.reason})` : ""}; ${remedy}`;
}
