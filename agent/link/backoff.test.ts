import { expect, test } from "vitest";
import { backoff } from "./backoff.ts";

test("the range doubles with each failure up to 15 s, and all of it is used", () => {
  expect([0, 1, 2, 3, 5, 6, 50].map((failures) => backoff(failures, 1))).toEqual([
    250, 500, 1000, 2000, 8000, 15_000, 15_000,
  ]);
  expect(backoff(50, 0)).toBe(0);
  expect(backoff(2, 0.5)).toBe(500);
});
