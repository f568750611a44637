import { expect, test } from "vitest";
import { backoff, backoffAfter, failuresAfter } from "./backoff.ts";

test("the range doubles with each failure up to 15 s, and the wait is anywhere in it", () => {
  expect([0, 1, 2, 3, 5, 6, 50].map((failures) => backoff(failures, 1))).toEqual([
    250, 500, 1000, 2000, 8000, 15_000, 15_000,
  ]);
  expect(backoff(50, 0)).toBe(0);
  expect(backoff(2, 0.5)).toBe(500);
});

test("Retry-After is the least wait; a random part of at least the same range comes on top", () => {
  expect([0, 0.5, 1].map((random) => backoffAfter(5000, 1, random))).toEqual([5000, 7500, 10_000]);
  expect([0, 1].map((random) => backoffAfter(1000, 50, random))).toEqual([1000, 16_000]);
});

test("failures count up, until a link was up for 10 s", () => {
  expect([0, 9_999, 10_000, 60_000].map((stableMs) => failuresAfter(3, stableMs))).toEqual([4, 4, 0, 0]);
});
