import { expect, test } from "vitest";
import { cutMiddle } from "./cut-middle.ts";

test.each([
  ["short", 5, "short"],
  ["image debian:12 cannot be pulled: no such host", 21, "image debi… such host"],
  ["abcdef", 4, "ab…f"],
  ["abcdef", 1, "…"],
  ["abcdef", 0, ""],
  ["", 0, ""],
])("%j in %i", (text, most, expected) => {
  expect(cutMiddle(text, most)).toBe(expected);
});

test("no character is cut in half", () => {
  for (let most = 1; most < 12; most++) {
    const cut = cutMiddle("💥💥💥💥💥💥", most);
    expect(cut.isWellFormed()).toBe(true);
    expect(cut.length).toBeLessThanOrEqual(most);
  }
});
