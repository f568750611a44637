/** Growth, and figures as people read them. */
import { expect, test } from "vitest";
import { figureText, growthOf, notReached } from "./measures.ts";

test("the growth is the second figure divided by the first, if both are figures and the first is not 0", () => {
  expect(growthOf(2, 20)).toBe(10);
  expect(growthOf(5, 0)).toBe(0);
  expect(growthOf(0, 5)).toBeUndefined();
  expect(growthOf(undefined, 5)).toBeUndefined();
  expect(growthOf(5, "382 of 1,000 after 75 s")).toBeUndefined();
});

test("a figure has three digits, or all digits before its point", () => {
  expect([0, 0.0123, 1.234, 9, 12.34, 123.4, 12_345.6].map(figureText)).toEqual([
    "0",
    "0.01",
    "1.23",
    "9",
    "12.3",
    "123",
    "12,346",
  ]);
});

test("a measure that was not reached shows how far it came, and when", () => {
  expect(notReached(382, 1000, 75.04)).toBe("382 of 1,000 after 75 s");
});
