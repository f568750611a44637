import { expect, test } from "vitest";
import { nextRestart, pauseBefore, type Restart, sayAwaited, sayRestarted, sayUsedUp } from "./restart.ts";

const NOW = 1_000_000;

/** An end after running for this many seconds. */
function end(exitCode: number, ranSeconds: number) {
  const startedAt = 5_000;
  return { exitCode, startedAt, finishedAt: startedAt + ranSeconds * 1000, why: "it ended" };
}

/** The pause before each restart in seconds, for containers that ran for so many seconds each. */
function pauses(most: number, ...ran: number[]): (number | undefined)[] {
  let last: Restart | undefined;
  return ran.map((seconds) => {
    const next = nextRestart(last, end(3, seconds), most, NOW);
    last = next ?? last;
    return next && (next.dueAt - NOW) / 1000;
  });
}

test("the pauses double from a second to a minute", () => {
  expect(pauses(100, ...Array(9).fill(0))).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test("the pauses start again at a second after a run of ten minutes, and not before", () => {
  expect(pauses(100, 0, 0, 599, 600, 0)).toEqual([1, 2, 4, 1, 2]);
});

test("there are at most as many restarts as the role says, however long the container ran", () => {
  expect(pauses(2, 0, 6000, 6000)).toEqual([1, 1, undefined]);
});

test("a hundred restarts are possible", () => {
  expect(pauses(100, ...Array(101).fill(0)).slice(-2)).toEqual([60, undefined]);
});

test("a container that exits with 0 is not started again; one that a signal ended is", () => {
  expect(nextRestart(undefined, end(0, 0), 5, NOW)).toBeUndefined();
  expect(nextRestart(undefined, end(137, 0), 5, NOW)).toMatchObject({ number: 1, dueAt: NOW + 1000 });
});

test("a restart knows which end it follows", () => {
  expect(nextRestart(undefined, end(3, 7), 5, NOW)).toEqual({
    number: 1,
    inARow: 1,
    endedAt: 12_000,
    why: "it ended",
    dueAt: NOW + 1000,
  });
});

const restart: Restart = {
  number: 2,
  inARow: 2,
  endedAt: 0,
  why: "it ended with exit code 3",
  dueAt: NOW + 3500,
};

test("the rest of a pause is never negative and never longer than a pause, even when the clock was changed", () => {
  expect([NOW, NOW + 9999, 0].map((now) => pauseBefore(restart, now))).toEqual([3500, 0, 60_000]);
});

test("the reason says which restart it is, of how many, when, and why", () => {
  expect(sayAwaited(restart, 5, NOW)).toBe("restart 2 of 5 in 4 s; it ended with exit code 3");
  expect(sayRestarted(restart, 5)).toBe("restart 2 of 5; before, it ended with exit code 3");
  expect([sayUsedUp(1), sayUsedUp(5)]).toEqual(["its restart is used up", "its 5 restarts are used up"]);
});
