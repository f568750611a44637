/** A short fuzz run; the long one is `npm run fuzz`. */
import { expect, test } from "vitest";
import { fuzzHttp } from "./http.ts";

test("requests of all kinds: no 5xx, no undocumented answer, and refused ones change nothing", async () => {
  const { faults, statuses, requests, nodes } = await fuzzHttp(7, 2000);
  expect(faults).toEqual([]);
  expect(requests).toBe(2000);
  expect(nodes).toBeGreaterThan(2);
  // The run reaches its target: requests are accepted and refused in many ways.
  expect(Object.keys(statuses)).toEqual(expect.arrayContaining(["200", "202", "400", "401", "404", "409"]));
}, 120_000);
