import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Reporter } from "./reporter.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("a flood of progress becomes four reports a second", () => {
  const send = vi.fn();
  const reporter = new Reporter(send);
  for (let ms = 0; ms < 1000; ms++) {
    reporter.soon();
    vi.advanceTimersByTime(1);
  }
  expect(send.mock.calls.length).toBeLessThanOrEqual(4);
  expect(send.mock.calls.length).toBeGreaterThan(1);
});

test("what matters goes at once, and takes the progress before it along", () => {
  const send = vi.fn();
  const reporter = new Reporter(send);
  reporter.soon();
  reporter.now();
  expect(send).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(10_000);
  expect(send).toHaveBeenCalledTimes(1);
});
