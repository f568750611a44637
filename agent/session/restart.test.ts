import { expect, test } from "vitest";
import { nextRestart, pauseBefore, type Restart, sayAwaited, sayRestarted, sayUsedUp } from "./restart.ts";

const NOW = 1_000_000;

/** An end after so many seconds of running. */
function end(exitCode: number, ranSeconds: number) {
  const startedAt = 5_000;
  return { exitCode, startedAt, finishedAt: startedAt + ranSeconds * 1000, why: "it ended" };
}

/** Seconds of pause before each restart, for ends after so many seconds of running. */
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

test("they begin anew after ten minutes of running, and not before", () => {
  expect(pauses(100, 0, 0, 599, 600, 0)).toEqual([1, 2, 4, 1, 2]);
});

test("there are as many as the role says and no more, however long it ran", () => {
  expect(pauses(2, 0, 6000, 6000)).toEqual([1, 1, undefined]);
});

test("the hundredth is a number like any other", () => {
  expect(pauses(100, ...Array(101).fill(0)).slice(-2)).toEqual([60, undefined]);
});

test("an end with 0 is for good; a signal's is not", () => {
  expect(nextRestart(undefined, end(0, 0), 5, NOW)).toBeUndefined();
  expect(nextRestart(undefined, end(137, 0), 5, NOW)).toMatchObject({ number: 1, dueAt: NOW + 1000 });
});

test("it remembers which end it follows", () => {
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

test("what is left of a pause is never negative, nor longer than a pause, wherever the clock was set", () => {
  expect([NOW, NOW + 9999, 0].map((now) => pauseBefore(restart, now))).toEqual([3500, 0, 60_000]);
});

test("a person reads which restart it is, of how many, when, and why", () => {
  expect(sayAwaited(restart, 5, NOW)).toBe("restart 2 of 5 in 4 s; it ended with exit code 3");
  expect(sayRestarted(restart, 5)).toBe("restart 2 of 5; before, it ended with exit code 3");
  expect([sayUsedUp(1), sayUsedUp(5)]).toEqual(["its restart is used up", "its 5 restarts are used up"]);
});
