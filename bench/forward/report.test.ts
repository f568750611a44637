/** Whether the aims of the bench are met. */
import { expect, test } from "vitest";
import { misses } from "./report.ts";

const ssh = { down: [4, 2, 3], up: [2, 2, 2] };

test("medians of both directions count, in themselves and beside ssh", () => {
  expect(misses({ speeds: { skein: { down: [0.1, 0.8, 1], up: [0.8, 0.9, 0.1] }, ssh } })).toEqual([]);
  expect(misses({ speeds: { skein: { down: [0.9, 0.7, 0.7], up: [1, 1, 1] }, ssh } })).toEqual([
    "out of the container: 0.70 Gbit/s, less than 0.8",
    "out of the container: 0.23 of ssh, less than 0.25",
  ]);
});
