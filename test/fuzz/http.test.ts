/** A short fuzz run; the long one is `npm run fuzz`. */
import { expect, test } from "vitest";
import { fuzzHttp } from "./http.ts";

test("requests of all kinds: no 5xx, no answer outside the document, nothing changed by what was refused", async () => {
  const { faults, statuses, requests, nodes } = await fuzzHttp(7, 2000);
  expect(faults).toEqual([]);
  expect(requests).toBe(2000);
  expect(nodes).toBeGreaterThan(2);
  // It reaches what it is about: some are accepted, some refused, in many ways.
  expect(Object.keys(statuses)).toEqual(expect.arrayContaining(["200", "202", "400", "401", "404", "409"]));
}, 120_000);
