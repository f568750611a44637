/** Medians, and steps between marks. */
import { expect, test } from "vitest";
import { figureOf, stepsOf } from "./figures.ts";

test("the median is the middle value, or lies halfway between the two in the middle", () => {
  expect(figureOf([30, 10, 20])).toEqual({ median: 20, min: 10, max: 30 });
  expect(figureOf([40, 10, 20, 30])).toEqual({ median: 25, min: 10, max: 40 });
  expect(figureOf([7])).toEqual({ median: 7, min: 7, max: 7 });
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
