import fc from "fast-check";
import { expect, test } from "vitest";
import { maySessionGo, SESSION_STATES, SESSION_STATUSES, type SessionStatus } from "./lifecycle.ts";
import type { EventKind, SessionEvent, SessionEvents } from "./session-events.ts";
import { newRecord, type SessionRecord, WAITS_FOR_START } from "./session-record.ts";
import { STEPS } from "./session-steps.ts";
import { IllegalStep, transition } from "./transition.ts";

const NEW = newRecord({ id: "ses_1", project: "p", name: "train", createdAt: "2026-11-24T00:00:00Z" });
const MANUAL = newRecord(NEW, "manual");
const KINDS = Object.keys(STEPS) as EventKind[];

const ms = fc.integer({ min: 1_800_000_000_000, max: 1_900_000_000_000 });
const time = ms.map((at) => new Date(at).toISOString());
const reason = fc.constantFrom("one reason", "another");
const node = fc.constantFrom("node_a", "node_b", "node_c");
const end = fc.constantFrom("terminated", "failed");
const nothing = fc.constant({});
const at = fc.record({ at: ms });
const removalBegins = { reason, at: ms, giveUpAt: ms };

const dataOf: { [K in EventKind]: fc.Arbitrary<SessionEvents[K]> } = {
  begun: fc.record({ epoch: fc.nat(9), at: ms }),
  progressed: at,
  prepared: at,
  gateReached: at,
  startRequested: at,
  started: at,
  running: fc.record({ runsUntil: fc.option(ms) }),
  timeExtended: fc.record({ runsUntil: ms }),
  nodeLost: fc.record({ node, reason }),
  nodeReturned: fc.record({ node }),
  waitRestarted: at,
  replanned: fc.record(removalBegins),
  retried: fc.record({ ...removalBegins, atFault: fc.array(node, { maxLength: 2 }) }),
  ended: fc.oneof(
    fc.record({ ...removalBegins, outcome: end }),
    fc.record({ ...removalBegins, outcome: end, hold: fc.integer({ min: 1, max: 100 }) }),
  ),
  released: fc.record({ at: ms, giveUpAt: ms }),
  partRemoved: nothing,
  graceEnded: at,
  gaveUp: fc.record({ askAgainAt: ms }),
  removalTimedOut: fc.record({ reason }),
  removed: at,
  requeued: nothing,
  terminated: nothing,
  failed: nothing,
};

/** Events that begin a removal are rarer, because otherwise few sessions would reach `running`. */
const RARE: readonly EventKind[] = ["ended", "replanned", "retried"];
/** Of all others. */
const WEIGHT = 8;

const arbitraryEvent = fc.oneof(
  ...KINDS.map((kind) => ({
    weight: RARE.includes(kind) ? 1 : WEIGHT,
    arbitrary: dataOf[kind].map((data) => ({ kind, ...data }) as SessionEvent),
  })),
);

const ENDING: SessionRecord = { ...NEW, status: "running", startedAt: NEW.createdAt };
const heldEnd = { kind: "ended", outcome: "failed", at: 0, giveUpAt: 0, hold: 1 } as const;

function isOver({ status, outcome, removed }: SessionRecord): boolean {
  return !SESSION_STATES[status].live || (removed && outcome !== "replan");
}

/** The rules that a record breaks. They hold in every state that a session can be in. */
function violations(record: SessionRecord): string[] {
  const {
    status,
    reason: why,
    epoch,
    startedAt,
    endedAt,
    outcome,
    removed,
    lost,
    giveUpAt,
    runsUntil,
    mayStart,
    gateAt,
    hold,
  } = record;
  const rules: Record<string, boolean> = {
    "the outcome of a pending session is none, or another plan":
      status !== "pending" || outcome === null || outcome === "replan",
    "the outcome of a terminating session is an end":
      status !== "terminating" || outcome === "terminated" || outcome === "failed",
    "no other session has an outcome": ["pending", "terminating"].includes(status) || outcome === null,
    "`removed` needs an outcome": outcome !== null || !removed,
    "`giveUpAt` is set exactly while a removal is under way":
      (giveUpAt !== null) === (outcome !== null && !removed && hold === null),
    "another plan comes after a plan": outcome !== "replan" || epoch > 0,
    "a session without a plan uses no node":
      epoch > 0 || !["preparing", "starting", "running"].includes(status),
    "the gate is closed before `starting`": !["pending", "preparing"].includes(status) || startedAt === null,
    "the gate of a running session is open": status !== "running" || startedAt !== null,
    "`endedAt` is set exactly once nothing is left": (endedAt !== null) === isOver(record),
    "a removal has a reason": outcome === null || why !== null,
    "only a running session has an end of its time": status === "running" || runsUntil === null,
    "an open gate may open": startedAt === null || mayStart,
    "a session that waits for its start says so, and only such a one":
      (gateAt !== null) === (status === "starting" && why === WAITS_FOR_START),
    "who waits at the gate may not start yet, and its gate is closed":
      gateAt === null || (!mayStart && startedAt === null),
    "only an end whose removal has not begun is held":
      hold === null || (status === "terminating" && !removed),
    "the reason of a held session says so, and no other does":
      (hold !== null) === /containers stay/.test(why ?? ""),
    "only a running session goes on without nodes": status === "running" || Object.keys(lost).length === 0,
  };
  return Object.entries(rules).flatMap(([rule, holds]) => (holds ? [] : [rule]));
}

/** Fields that do not depend on the state. */
const free = fc.record({
  reason,
  epoch: fc.integer({ min: 1, max: 5 }),
  force: fc.boolean(),
  news: fc.nat(9),
  retried: fc.nat(3),
  mayStart: fc.boolean(),
  avoid: fc.uniqueArray(node, { maxLength: 2 }),
  phaseAt: fc.option(ms),
  progressAt: fc.option(ms),
});
const removal = fc.oneof(
  fc.record({ removed: fc.constant(false), giveUpAt: ms }),
  fc.record({ removed: fc.constant(true), giveUpAt: fc.constant(null) }),
);
const held = fc.record({
  removed: fc.constant(false),
  giveUpAt: fc.constant(null),
  hold: fc.integer({ min: 1, max: 100 }),
  reason: reason.map((why) => transition(ENDING, { ...heldEnd, reason: why }).reason),
});
const opened = { startedAt: time, mayStart: fc.constant(true) };
const mayBeOpen = fc.oneof(fc.record(opened), nothing);
const atGate = {
  mayStart: fc.constant(false),
  gateAt: ms,
  phaseAt: ms,
  reason: fc.constant(WAITS_FOR_START),
};

/** State → the fields that depend on it. */
const formsOf: { [S in SessionStatus]: fc.Arbitrary<Partial<SessionRecord>>[] } = {
  pending: [
    fc.record({ epoch: fc.nat(5) }),
    fc
      .tuple(fc.constant({ outcome: "replan" } as const), removal)
      .map(([form, how]) => ({ ...form, ...how })),
  ],
  preparing: [nothing],
  starting: [mayBeOpen, fc.record(atGate)],
  running: [fc.record({ ...opened, lost: fc.dictionary(node, reason, { maxKeys: 3 }) })],
  terminating: [
    fc
      .tuple(mayBeOpen, fc.record({ outcome: end }), fc.oneof(removal, held), time)
      .map(([gate, form, how, endedAt]) => ({
        ...gate,
        ...form,
        ...how,
        endedAt: how.removed ? endedAt : null,
      })),
  ],
  terminated: [fc.tuple(mayBeOpen, fc.record({ endedAt: time })).map(([a, b]) => ({ ...a, ...b }))],
  failed: [fc.tuple(mayBeOpen, fc.record({ endedAt: time })).map(([a, b]) => ({ ...a, ...b }))],
};

/** Any record that breaks no rule, also records that no real session has. */
const arbitraryRecord: fc.Arbitrary<SessionRecord> = fc.oneof(
  ...SESSION_STATUSES.flatMap((status) =>
    formsOf[status].map((form) =>
      fc.tuple(free, form).map(([some, rest]) => ({ ...NEW, status, ...some, ...rest })),
    ),
  ),
);

/** The record after the event, or undefined if it is illegal. No other error may be thrown. */
function step(record: SessionRecord, event: SessionEvent): SessionRecord | undefined {
  const before = structuredClone(record);
  try {
    return transition(deepFrozen(record), event);
  } catch (error) {
    expect(error).toBeInstanceOf(IllegalStep);
    return undefined;
  } finally {
    expect(record).toEqual(before);
  }
}

function deepFrozen(record: SessionRecord): SessionRecord {
  Object.freeze(record.lost);
  Object.freeze(record.avoid);
  return Object.freeze(record);
}

function expectSound(before: SessionRecord, event: SessionEvent, after: SessionRecord): void {
  const moved = before.status !== after.status;
  expect(violations(after)).toEqual([]);
  expect(!moved || maySessionGo(before.status, after.status)).toBe(true);
  expect(STEPS[event.kind].in).toContain(before.status);
  expect(after.epoch).toBeGreaterThanOrEqual(before.epoch);
  expect(after.news).toBeGreaterThanOrEqual(before.news);
  expect(after.retried).toBeGreaterThanOrEqual(before.retried);
  if (before.mayStart) expect(after.mayStart).toBe(true);
  if (before.startedAt !== null) expect(after.startedAt).toBe(before.startedAt);
  const { id, project, name, createdAt } = before;
  expect(after).toMatchObject({ id, project, name, createdAt });
  if (!SESSION_STATES[before.status].live) {
    expect(after).toEqual({ ...before, news: after.news });
  }
}

test("an event leads any legal record to a legal one, or is an IllegalStep", () => {
  fc.assert(
    fc.property(arbitraryRecord, arbitraryEvent, (record, event) => {
      expect(violations(record)).toEqual([]);
      const after = step(record, event);
      if (after) expectSound(record, event, after);
    }),
    { numRuns: 3000 },
  );
});

test("every event outside its states is an IllegalStep", () => {
  fc.assert(
    fc.property(arbitraryRecord, arbitraryEvent, (record, event) => {
      fc.pre(!STEPS[event.kind].in.includes(record.status));
      expect(step(record, event)).toBeUndefined();
    }),
    { numRuns: 1000 },
  );
});

/** The kinds that a walk draws from: those that are legal in this state, and seldom any. */
function drawnFrom({ status }: SessionRecord, any: boolean): EventKind[] {
  const kinds = any ? KINDS : KINDS.filter((kind) => STEPS[kind].in.includes(status));
  return kinds.flatMap((kind) => Array<EventKind>(RARE.includes(kind) ? 1 : WEIGHT).fill(kind));
}

test("random events take a new session only through legal records", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.boolean(), fc.gen(), (manual, draw) => {
      let record = manual ? MANUAL : NEW;
      for (let steps = 0; steps < 100; steps++) {
        const kinds = drawnFrom(record, draw(fc.nat, 9) === 0);
        const kind = kinds[draw(fc.nat, kinds.length - 1)]!;
        const event = { kind, ...draw(() => dataOf[kind] as fc.Arbitrary<object>) } as SessionEvent;
        const after = step(record, event);
        if (!after) continue;
        expectSound(record, event, after);
        seen.add(kind);
        record = after;
      }
    }),
    // Shrinking such a walk takes a minute, and the test of single steps shrinks well.
    { numRuns: 150, endOnFailure: true },
  );
  // A walk that misses an event proves nothing about it. The rarest, `gateReached`, comes some 20 times.
  expect([...seen].sort()).toEqual([...KINDS].sort());
});
