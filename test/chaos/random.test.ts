import { expect, test } from "vitest";
import { randomFrom } from "./random.ts";

const draw = (seed: number) => {
  const random = randomFrom(seed);
  return Array.from({ length: 1000 }, () => random.between(1, 6));
};

test("the same seed gives the same numbers, another seed gives others", () => {
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

test("every number of the range occurs, and no other", () => {
  expect([...new Set(draw(1))].sort()).toEqual([1, 2, 3, 4, 5, 6]);
});
