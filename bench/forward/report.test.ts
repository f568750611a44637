/** Whether the aims of the bench are met. */
import { expect, test } from "vitest";
import { misses } from "./report.ts";

const ssh = { down: [4, 2, 3], up: [2, 2, 2] };

const fast = { down: [0.1, 0.8, 1], up: [0.8, 0.9, 0.1] };
const apart = { alone: [200, 210, 220], skein: [240, 250, 700] };
const calm = { apart, skein: { ps: [250, 260, 900] }, ssh: { ps: [190, 200, 210] } };

test("medians of both directions count, in themselves and beside ssh", () => {
  expect(misses({ speeds: { skein: fast, ssh }, beside: calm })).toEqual([]);
  const slow = { down: [0.9, 0.7, 0.7], up: [1, 1, 1] };
  expect(misses({ speeds: { skein: slow, ssh }, beside: calm })).toEqual([
    "out of the container: 0.70 Gbit/s, less than 0.8",
    "out of the container: 0.23 of ssh, less than 0.25",
  ]);
});

test("skein ps is as fast beside a transfer as alone, and nearly as fast as beside ssh where cores are shared", () => {
  const slowed = {
    apart: { alone: [200, 200, 200], skein: [100, 250, 260] },
    skein: { ps: [260, 270, 320] },
    ssh: { ps: [200, 200, 200] },
  };
  expect(misses({ speeds: { skein: fast, ssh }, beside: slowed })).toEqual([
    "skein ps: 1.25 of alone, on a core of its own, more than 1.2",
    "skein ps: 1.35 of beside ssh, more than 1.3",
  ]);
});
