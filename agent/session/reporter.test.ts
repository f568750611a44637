import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Reporter } from "./reporter.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("progress is reported at most four times a second", () => {
  const send = vi.fn();
  const reporter = new Reporter(send);
  for (let ms = 0; ms < 1000; ms++) {
    reporter.soon();
    vi.advanceTimersByTime(1);
  }
  expect(send.mock.calls.length).toBeLessThanOrEqual(4);
  expect(send.mock.calls.length).toBeGreaterThan(1);
});

test("a change of state is sent at once, together with the progress before it", () => {
  const send = vi.fn();
  const reporter = new Reporter(send);
  reporter.soon();
  reporter.now();
  expect(send).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(10_000);
  expect(send).toHaveBeenCalledTimes(1);
});
