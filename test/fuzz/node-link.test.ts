/** A short fuzz run; the long one is `npm run fuzz`. */
import { expect, test } from "vitest";
import { fuzzNodeLink } from "./node-link.ts";

test("frames of all kinds to the API: closed with the right code, nothing of another node changed, plans go on", async () => {
  const { faults, frames, understood, closes, dryRuns } = await fuzzNodeLink(7, 300);
  expect(faults).toEqual([]);
  expect(frames).toBe(300);
  // The run reaches its target: the API takes frames, and refuses them in many ways; the planner finds room, and finds none.
  expect(understood).toBeGreaterThan(100);
  expect(Object.keys(closes)).toEqual(expect.arrayContaining(["4000", "4001", "4004"]));
  expect(Object.keys(dryRuns).sort()).toEqual(["200", "409"]);
}, 120_000);
