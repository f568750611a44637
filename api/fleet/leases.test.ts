import { expect, test } from "vitest";
import { SETTINGS_TABLE } from "../../shared/settings/settings.ts";
import { redialSpread } from "./leases.ts";

test.each([
  [0, 0],
  [400, 1000],
  [1000, 2500],
  [10_000, 25_000],
  [1_000_000, 25_000],
])("%i agents spread their dials over %i ms", (nodes, ms) => {
  expect(redialSpread(nodes)).toBe(ms);
});

test("the longest spread leaves a node time to be back before its lease is over", () => {
  const lease = SETTINGS_TABLE.nodeLeaseSeconds.default * 1000;
  expect(redialSpread(Number.MAX_SAFE_INTEGER)).toBeLessThan(lease / 2);
});
