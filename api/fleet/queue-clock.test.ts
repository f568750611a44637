import { expect, test } from "vitest";
import { QueueClock } from "./queue-clock.ts";

const NOW = 1_000_000;

test("the first round may run at once, and no round is requested", () => {
  const clock = new QueueClock();
  expect([clock.isDue(NOW), clock.isWanted]).toEqual([true, false]);
});

test("the next round waits for 200 ms, however little the last one evaluated", () => {
  const clock = new QueueClock();
  clock.ran(NOW, 0);
  expect([clock.isDue(NOW + 199), clock.isDue(NOW + 200), clock.due]).toEqual([false, true, NOW + 200]);
});

test.each([
  [40_000, 200],
  [100_000, 500],
  [1_000_000, 5000],
  [1_000_000_000, 5000],
])(
  "after a round of %i evaluations it waits for %i ms: about ten times as long as they take, at most 5 s",
  (looks, pause) => {
    const clock = new QueueClock();
    clock.ran(NOW, looks);
    expect(clock.due - NOW).toBe(pause);
  },
);

test("a requested round stays requested until it has run, and comes no sooner", () => {
  const clock = new QueueClock();
  clock.ran(NOW, 0);
  clock.want();
  expect([clock.isWanted, clock.due]).toEqual([true, NOW + 200]);
  clock.ran(NOW + 200, 0);
  expect(clock.isWanted).toBe(false);
});

test("a requested round without purpose is dropped, and the pause stays", () => {
  const clock = new QueueClock();
  clock.ran(NOW, 0);
  clock.want();
  clock.rest();
  expect([clock.isWanted, clock.due]).toEqual([false, NOW + 200]);
});
