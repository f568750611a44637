/** A short fuzz run; the long one is `npm run fuzz`. */
import { expect, test } from "vitest";
import { fuzzAgentTunnel } from "./agent-tunnel.ts";

test("frames of all kinds to an agent's tunnel: each stream answers as it must, bad ones end the tunnel, nothing is served on", async () => {
  const { faults, streams, closes, echoed } = await fuzzAgentTunnel(7, 800);
  expect(faults).toEqual([]);
  expect(streams).toBeGreaterThan(200);
  expect(closes["4000"]).toBeGreaterThan(10);
  expect(echoed).toBeGreaterThan(10_000);
}, 120_000);
