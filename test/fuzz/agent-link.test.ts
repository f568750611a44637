/** A short fuzz run; the long one is `npm run fuzz`. */
import { expect, test } from "vitest";
import { fuzzAgentLink } from "./agent-link.ts";

test("frames of all kinds to the agent's link: it takes valid ones once and in order, closes on others, and dials again", async () => {
  const { faults, frames, understood, taken, stops } = await fuzzAgentLink(7, 2000);
  expect(faults).toEqual([]);
  expect(frames).toBe(2000);
  expect(understood).toBeGreaterThan(1000);
  expect(taken).toBeGreaterThan(500);
  expect(stops).toBeGreaterThan(0);
}, 120_000);
