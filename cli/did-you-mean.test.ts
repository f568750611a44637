import { expect, test } from "vitest";
import { didYouMean, nearest } from "./did-you-mean.ts";

const WORDS = ["run", "rm", "ps", "logs", "describe", "node cordon", "node uncordon"];

test.each([
  ["dsecribe", "describe"],
  ["log", "logs"],
  ["node cordno", "node cordon"],
  ["rnu", "run"],
  ["xyzzy", undefined],
  ["q", undefined],
])("%s is nearest to %s", (word, expected) => {
  expect(nearest(word, WORDS)).toBe(expected);
});

test("the suggestion stands in parentheses, if there is one", () => {
  expect(didYouMean("lgos", WORDS)).toBe(" (did you mean logs?)");
  expect(didYouMean("xyzzy", WORDS)).toBe("");
});
