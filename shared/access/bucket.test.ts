import { expect, test } from "vitest";
import { DEFAULT_SETTINGS } from "../settings/settings.ts";
import { type Bucket, spend } from "./bucket.ts";

const RATE = { perMinute: 60, burst: 3 };

/** The result of each request at these times: 0, or the seconds to wait. */
function answers(times: number[]): number[] {
  let bucket: Bucket | undefined;
  return times.map((at) => {
    const spent = spend(bucket, RATE, at);
    bucket = spent.bucket;
    return spent.retryAfter;
  });
}

test("a full bucket allows its burst at once, then its rate per minute", () => {
  expect(answers([0, 0, 0, 0, 500, 1000, 1000])).toEqual([0, 0, 0, 1, 1, 0, 1]);
});

test("a caller that waits for `retryAfter` is served", () => {
  const slow = { perMinute: 7, burst: 1 };
  const { bucket } = spend(undefined, slow, 0);
  const refused = spend(bucket, slow, 10);
  expect(refused.retryAfter).toBe(9);
  expect(spend(refused.bucket, slow, 10 + 9000).retryAfter).toBe(0);
});

test("a pause fills it no further than the burst", () => {
  expect(answers([0, 3_600_000, 3_600_000, 3_600_000, 3_600_000])).toEqual([0, 0, 0, 0, 1]);
});

test("a clock that is set back neither fills nor empties it", () => {
  expect(answers([10_000, 10_000, 10_000, 0, 1000])).toEqual([0, 0, 0, 1, 0]);
});

test("the defaults allow a few hundred requests in a minute, evenly or at once", () => {
  expect(DEFAULT_SETTINGS.requestBurst).toBeGreaterThanOrEqual(600);
  expect(DEFAULT_SETTINGS.requestsPerMinute).toBeGreaterThanOrEqual(600);
});
