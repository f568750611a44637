/**
 * The table of steps: for each event the states that accept it, the state it leads to, and the fields it changes. golden/steps.txt shows it
 * state by state.
 */
import type { SessionStatus } from "./lifecycle.ts";
import type { EventKind, SessionEvent } from "./session-events.ts";
import {
  isAtGate,
  isGateClosed,
  isHeld,
  isRemoving,
  type SessionRecord,
  WAITS_FOR_START,
} from "./session-record.ts";

/** Fields that no event changes itself: the identity stays, and `transition` sets `status` and `news`. */
type Fixed = "id" | "project" | "name" | "createdAt" | "status" | "news";

/** Field → its value after the event. A name that SessionRecord does not have does not compile. */
export type Changes<K extends EventKind> = {
  readonly [F in Exclude<keyof SessionRecord, Fixed>]?: (
    record: SessionRecord,
    event: SessionEvent<K>,
  ) => SessionRecord[F];
};

/** What a step needs besides the state, in words for people. */
interface Condition<K extends EventKind> {
  readonly says: string;
  readonly holds: (record: SessionRecord, event: SessionEvent<K>) => boolean;
}

export interface Step<K extends EventKind> {
  readonly in: readonly SessionStatus[];
  readonly if?: Condition<K>;
  /** Missing: the state stays. */
  readonly to?: SessionStatus;
  /** Fleet must know of it. */
  readonly tellsFleet?: true;
  readonly changes: Changes<K>;
}

const gateClosed = { says: "the gate is closed", holds: isGateClosed };
const gateOpen = { says: "the gate is open", holds: (record: SessionRecord) => !isGateClosed(record) };
const removing = { says: "a removal is under way", holds: isRemoving };

const removalBegins: Changes<"ended" | "replanned" | "retried"> = {
  reason: (_, { reason }) => reason,
  removed: () => false,
  lost: () => ({}),
  phaseAt: (_, { at }) => at,
  giveUpAt: (_, { giveUpAt }) => giveUpAt,
  gateAt: () => null,
};

/** Stands behind the reason while a session is held. */
const HELD =
  "; its containers stay for a while, so that files can be read: ending the session removes them now";

const removalOver: Changes<"begun" | "requeued" | "terminated" | "failed"> = {
  outcome: () => null,
  removed: () => false,
};

const text = (ms: number) => new Date(ms).toISOString();

export const STEPS: { readonly [K in EventKind]: Step<K> } = {
  begun: {
    in: ["pending"],
    if: {
      says: "the last removal is over, and the epoch is later",
      holds: (record, { epoch }) => !isRemoving(record) && epoch > record.epoch,
    },
    to: "preparing",
    // Fleet plans again once it knows that the session needs another plan. The plan may come before Fleet's answer.
    changes: {
      ...removalOver,
      epoch: (_, { epoch }) => epoch,
      reason: () => null,
      phaseAt: (_, { at }) => at,
      progressAt: (_, { at }) => at,
    },
  },
  progressed: { in: ["preparing"], changes: { progressAt: (_, { at }) => at } },
  prepared: {
    in: ["preparing"],
    to: "starting",
    tellsFleet: true,
    changes: { phaseAt: (_, { at }) => at },
  },
  gateReached: {
    in: ["starting"],
    if: {
      says: "it waits to be started, and did not wait before",
      holds: (record) => isGateClosed(record) && !record.mayStart && !isAtGate(record),
    },
    tellsFleet: true,
    changes: { gateAt: (_, { at }) => at, reason: () => WAITS_FOR_START },
  },
  startRequested: {
    in: ["pending", "preparing", "starting"],
    if: { says: "nobody has requested it yet", holds: ({ mayStart }) => !mayStart },
    tellsFleet: true,
    changes: {
      mayStart: () => true,
      gateAt: () => null,
      reason: (record) => (isAtGate(record) ? null : record.reason),
      // What was spent at the gate does not count as time that the nodes took.
      phaseAt: ({ phaseAt, gateAt }, { at }) =>
        phaseAt === null || gateAt === null ? phaseAt : phaseAt + Math.max(0, at - gateAt),
    },
  },
  started: {
    in: ["starting"],
    if: {
      says: "the gate is closed, and may open",
      holds: (record) => isGateClosed(record) && record.mayStart,
    },
    changes: { startedAt: (_, { at }) => text(at) },
  },
  running: {
    in: ["starting"],
    if: gateOpen,
    to: "running",
    tellsFleet: true,
    changes: { runsUntil: (_, { runsUntil }) => runsUntil },
  },
  timeExtended: {
    in: ["running"],
    if: { says: "its time is limited", holds: ({ runsUntil }) => runsUntil !== null },
    changes: { runsUntil: (_, { runsUntil }) => runsUntil },
  },

  nodeLost: {
    in: ["running"],
    changes: { lost: ({ lost }, { node, reason }) => ({ ...lost, [node]: reason }) },
  },
  nodeReturned: {
    in: ["running"],
    if: { says: "the node was lost", holds: ({ lost }, { node }) => lost[node] !== undefined },
    changes: {
      lost: ({ lost }, { node }) => Object.fromEntries(Object.entries(lost).filter(([id]) => id !== node)),
    },
  },
  waitRestarted: {
    in: ["pending", "preparing", "starting", "terminating"],
    if: {
      says: "it waits for nodes, or for clients",
      holds: (record) =>
        record.status === "preparing" || record.status === "starting" || isRemoving(record) || isHeld(record),
    },
    changes: {
      phaseAt: (_, { at }) => at,
      progressAt: (_, { at }) => at,
      gateAt: ({ gateAt }, { at }) => (gateAt === null ? null : at),
    },
  },

  replanned: {
    in: ["preparing", "starting"],
    if: gateClosed,
    to: "pending",
    tellsFleet: true,
    changes: { ...removalBegins, outcome: () => "replan", force: () => true },
  },
  retried: {
    in: ["preparing", "starting"],
    if: gateClosed,
    to: "pending",
    tellsFleet: true,
    changes: {
      ...removalBegins,
      outcome: () => "replan",
      force: () => true,
      retried: ({ retried }) => retried + 1,
      avoid: ({ avoid }, { atFault }) => [...new Set([...avoid, ...atFault])],
    },
  },
  ended: {
    in: ["pending", "preparing", "starting", "running"],
    to: "terminating",
    tellsFleet: true,
    changes: {
      ...removalBegins,
      outcome: (_, { outcome }) => outcome,
      exitCode: (_, { exitCode }) => exitCode ?? null,
      force: (_, { outcome }) => outcome === "failed",
      runsUntil: () => null,
      hold: (_, { hold }) => hold ?? null,
      reason: (_, { reason, hold }) => (hold === undefined ? reason : reason + HELD),
      giveUpAt: (_, { giveUpAt, hold }) => (hold === undefined ? giveUpAt : null),
    },
  },
  released: {
    in: ["terminating"],
    if: { says: "its containers stay", holds: isHeld },
    tellsFleet: true,
    changes: {
      hold: () => null,
      reason: ({ reason }) => reason?.replace(HELD, "") ?? null,
      phaseAt: (_, { at }) => at,
      giveUpAt: (_, { giveUpAt }) => giveUpAt,
    },
  },

  // A node may come back and confirm long after the session went on without it.
  partRemoved: {
    in: ["pending", "preparing", "starting", "running", "terminating", "terminated", "failed"],
    if: { says: "a plan has begun", holds: ({ epoch }) => epoch > 0 },
    tellsFleet: true,
    changes: {},
  },
  graceEnded: {
    in: ["pending", "terminating"],
    if: removing,
    changes: { giveUpAt: ({ giveUpAt }, { at }) => Math.min(giveUpAt ?? at, at) },
  },
  gaveUp: {
    in: ["pending", "terminating"],
    if: removing,
    changes: { giveUpAt: (_, { askAgainAt }) => askAgainAt },
  },
  removalTimedOut: {
    in: ["pending", "terminating"],
    if: removing,
    changes: { reason: (record, { reason }) => `${record.reason}; ${reason}` },
  },
  removed: {
    in: ["pending", "terminating"],
    if: removing,
    tellsFleet: true,
    changes: {
      removed: () => true,
      giveUpAt: () => null,
      endedAt: ({ outcome }, { at }) => (outcome === "replan" ? null : text(at)),
    },
  },

  requeued: {
    in: ["pending"],
    if: { says: "all is removed", holds: ({ removed }) => removed },
    changes: removalOver,
  },
  terminated: {
    in: ["terminating"],
    if: {
      says: "all is removed, and that is the outcome",
      holds: ({ removed, outcome }) => removed && outcome === "terminated",
    },
    to: "terminated",
    changes: removalOver,
  },
  failed: {
    in: ["terminating"],
    if: {
      says: "all is removed, and that is the outcome",
      holds: ({ removed, outcome }) => removed && outcome === "failed",
    },
    to: "failed",
    changes: removalOver,
  },
};
