import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Convergence, type Work } from "./convergence.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

const turns = async () => {
  for (let turn = 0; turn < 10; turn++) await setImmediate();
};

/** Steps are the numbers up to `wanted`. `perform` is what a step does. */
function counting(perform: (step: number, signal: AbortSignal) => Promise<void> = async () => {}) {
  const here = { wanted: 0, done: 0, failures: [] as string[] };
  const work: Work<number> = {
    next: () => (here.done < here.wanted ? here.done + 1 : undefined),
    async perform(step, signal) {
      await perform(step, signal);
      signal.throwIfAborted();
      here.done = step;
    },
    async failed({ message }) {
      here.failures.push(message);
    },
  };
  return { here, loop: new Convergence(work) };
}

test("runs until nothing is left to do, and again when more is wanted", async () => {
  const { here, loop } = counting();
  here.wanted = 3;
  loop.start();
  loop.start();
  await turns();
  expect(here.done).toBe(3);
  here.wanted = 5;
  loop.start();
  await turns();
  expect(here.done).toBe(5);
});

test("a start during the last step is not missed", async () => {
  const { here, loop } = counting(async (step) => {
    if (step !== 1) return;
    here.wanted = 2;
    loop.start();
  });
  here.wanted = 1;
  loop.start();
  await turns();
  expect(here.done).toBe(2);
});

test("a superseded step is not a failure, and the next one follows at once", async () => {
  let asked = 0;
  const { here, loop } = counting(async (_, signal) => {
    if (asked++ === 0)
      await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  here.wanted = 1;
  loop.start();
  await turns();
  loop.supersede();
  await turns();
  expect(here).toEqual({ wanted: 1, done: 1, failures: [] });
});

test("the pause after a failure ends early when something else is wanted", async () => {
  let broken = true;
  const { here, loop } = counting(async () => {
    if (broken) throw new Error("the engine is away");
  });
  here.wanted = 1;
  loop.start();
  await turns();
  expect(here.failures).toEqual(["the engine is away"]);
  broken = false;
  loop.supersede();
  await turns();
  expect(here.done).toBe(1);
});

test("a running step can be aborted with an error; without one nothing happens", async () => {
  const { here, loop } = counting(
    async (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  expect(loop.breakOff(new Error("too early"))).toBe(false);
  here.wanted = 1;
  loop.start();
  await turns();
  expect(loop.breakOff(new Error("its container is gone"))).toBe(true);
  await turns();
  expect(here.failures).toEqual(["its container is gone"]);
});
