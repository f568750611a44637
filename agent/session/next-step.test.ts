import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PHASES } from "../../shared/session/lifecycle.ts";
import { hasReached, nextStep, type Situation, type Step } from "./next-step.ts";

/** Epoch 2 should run, and is stored. Nothing is made yet. */
const fresh: Situation = {
  wanted: { epoch: 2, phase: "running" },
  stored: true,
  left: [],
  reached: "none",
  authorized: true,
  failed: false,
};
const removed = { wanted: { epoch: 2, phase: "removed" as const } };
const prepared = { wanted: { epoch: 2, phase: "prepared" as const } };

test.each<[Step, string, Partial<Situation>]>([
  ["store", "the assignment is not on the disk", { stored: false }],
  ["store", "the keys are not on the disk", { stored: false, reached: "prepared" }],
  [
    "store",
    "the assignment is not on the disk, and an older epoch is still here",
    { stored: false, left: [1] },
  ],
  ["clear", "an older epoch is still here", { left: [1] }],
  ["clear", "parts of two epochs are here", { left: [1, 2] }],
  ["clear", "an older epoch is still here after a failed removal", { left: [1], failed: true }],
  ["adopt", "an earlier run of the agent made this epoch", { left: [2] }],
  ["rest", "the adoption failed", { left: [2], failed: true }],
  ["prepare", "nothing is here", {}],
  ["prepare", "nothing is here, and users' keys are not in place", { authorized: false }],
  ["authorize", "users' keys are not in place before it starts", { authorized: false, reached: "prepared" }],
  ["authorize", "users' keys came while it runs", { authorized: false, reached: "running" }],
  [
    "rest",
    "a step failed, and users' keys are not in place",
    { authorized: false, failed: true, reached: "running" },
  ],
  ["start", "it is prepared", { reached: "prepared" }],
  ["open", "it is started", { reached: "started" }],
  ["rest", "it runs", { reached: "running" }],
  ["rest", "it is past the wanted phase", { ...prepared, reached: "running" }],
  ["rest", "a step failed", { failed: true, reached: "prepared" }],
  ["rest", "the assignment could not be stored", { stored: false, failed: true }],
  ["remove", "it should be removed, and nothing was made", { ...removed }],
  ["remove", "it should be removed, and runs", { ...removed, reached: "running" }],
  ["remove", "it should be removed, after a failed removal", { ...removed, failed: true, left: [1] }],
  ["rest", "it is removed", { ...removed, reached: "removed" }],
])("%s: %s", (step, _, more) => {
  expect(nextStep({ ...fresh, ...more })).toBe(step);
});

describe("whatever the situation", () => {
  const situation: fc.Arbitrary<Situation> = fc.record({
    wanted: fc.record({ epoch: fc.integer({ min: 1, max: 3 }), phase: fc.constantFrom(...PHASES) }),
    stored: fc.boolean(),
    left: fc.subarray([1, 2, 3]),
    reached: fc.constantFrom("none" as const, ...PHASES),
    authorized: fc.boolean(),
    failed: fc.boolean(),
  });

  test("successful steps lead to rest, at the wanted phase or after a failure", () => {
    fc.assert(
      fc.property(situation, (start) => {
        let now = start;
        for (let steps = 0; nextStep(now) !== "rest"; steps++) {
          expect(steps).toBeLessThan(9);
          now = { ...now, ...AFTER[nextStep(now)](now) };
        }
        expect(now.failed || hasReached(now.reached, now.wanted.phase)).toBe(true);
      }),
    );
  });
});

/** What a successful step changes. */
const AFTER: Record<Step, (now: Situation) => Partial<Situation>> = {
  store: () => ({ stored: true }),
  clear: () => ({ left: [], failed: false, reached: "none", authorized: false }),
  adopt: () => ({ left: [] }),
  prepare: () => ({ reached: "prepared" }),
  authorize: () => ({ authorized: true }),
  start: () => ({ reached: "started" }),
  open: () => ({ reached: "running" }),
  remove: () => ({ left: [], reached: "removed", failed: false }),
  rest: () => ({}),
};
