/** A short fuzz run; the long one is `npm run fuzz`. */
import { expect, test } from "vitest";
import { fuzzStreams } from "./streams.ts";

test("frames of all kinds from clients and agents: streams and tunnels end with the right code, others go on, nothing stays counted", async () => {
  const { faults, frames, closes, tunnels, refused } = await fuzzStreams(3, 1500);
  expect(faults).toEqual([]);
  expect(frames).toBeGreaterThan(1500);
  expect(refused).toBeGreaterThan(20);
  expect(Object.keys(closes)).toEqual(expect.arrayContaining(["4000", "4100"]));
  expect(Object.keys(tunnels)).toEqual(expect.arrayContaining(["1000", "4000"]));
}, 120_000);
