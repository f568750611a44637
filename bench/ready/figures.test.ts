/** Medians, and steps between marks. */
import { expect, test } from "vitest";
import { figureOf, quantile, stepsOf } from "./figures.ts";

test("the median is the middle value, or halfway between the two middle values", () => {
  expect(figureOf([30, 10, 20])).toEqual({ median: 20, min: 10, max: 30 });
  expect(figureOf([40, 10, 20, 30])).toEqual({ median: 25, min: 10, max: 40 });
  expect(figureOf([7])).toEqual({ median: 7, min: 7, max: 7 });
});

test("a quantile lies between the two nearest values in proportion", () => {
  const hundred = Array.from({ length: 101 }, (_, i) => 100 - i);
  expect([0, 0.5, 0.99, 1].map((q) => quantile(hundred, q))).toEqual([0, 50, 99, 100]);
  expect(quantile([10, 20], 0.99)).toBeCloseTo(19.9);
  expect(quantile([7], 0.99)).toBe(7);
  expect(() => quantile([], 0.5)).toThrow(RangeError);
});

test("a step is the time from the mark before, in each round", () => {
  const steps = stepsOf([
    { created: 10, started: 30, ready: 35 },
    { created: 20, started: 30, ready: 45 },
  ]);
  expect(steps).toEqual({
    created: { median: 15, min: 10, max: 20 },
    started: { median: 15, min: 10, max: 20 },
    ready: { median: 10, min: 5, max: 15 },
  });
});
