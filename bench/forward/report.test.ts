/** Whether the aims of the bench are met. */
import { expect, test } from "vitest";
import { misses } from "./report.ts";

const ssh = { down: [4, 2, 3], up: [2, 2, 2] };

const fast = { down: [0.1, 0.8, 1], up: [0.8, 0.9, 0.1] };
const calm = { apart: { alone: [200, 210, 220], skein: [240, 250, 700] } };

test("medians of both directions count, in themselves and beside ssh", () => {
  expect(misses({ speeds: { skein: fast, ssh }, beside: calm })).toEqual([]);
  const slow = { down: [0.9, 0.7, 0.7], up: [1, 1, 1] };
  expect(misses({ speeds: { skein: slow, ssh }, beside: calm })).toEqual([
    "out of the container: 0.70 Gbit/s, less than 0.8",
    "out of the container: 0.23 of ssh, less than 0.25",
  ]);
});

test("skein ps is as fast beside a transfer as alone", () => {
  const slowed = { apart: { alone: [200, 200, 200], skein: [100, 250, 260] } };
  expect(misses({ speeds: { skein: fast, ssh }, beside: slowed })).toEqual([
    "skein ps: 1.25 of alone, more than 1.2",
  ]);
});
