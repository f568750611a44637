import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Skein } from "../../sdk/index.ts";
import { watchWay } from "./watch-way.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An API that answers, or stays silent until it is given up. */
function api(answers: boolean) {
  let asked = 0;
  const getHealth = async ({ signal }: { signal: AbortSignal }) => {
    asked++;
    if (answers) return { status: "ok" };
    return await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      // The signal's own timer is the platform's.
      setTimeout(() => reject(new Error("silent")), 8_000);
    });
  };
  return { skein: { getHealth } as unknown as Skein, asked: () => asked };
}

test("a way that stands still is broken within 20 s if the API is silent, and says so", async () => {
  const way = watchWay(api(false).skein);
  await vi.advanceTimersByTimeAsync(8_000);
  expect(way.signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(12_000);
  expect(() => way.signal.throwIfAborted()).toThrow("the API does not answer any more");
  way.close();
});

test("a container may be slow for as long as the API answers", async () => {
  const { skein, asked } = api(true);
  const way = watchWay(skein);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(way.signal.aborted).toBe(false);
  expect(asked()).toBeGreaterThan(10);
  expect(way.stoodStill()).toBe(true);
  way.close();
});

test("while bytes move nobody is asked", async () => {
  const { skein, asked } = api(false);
  const way = watchWay(skein);
  for (let at = 0; at < 60; at++) {
    await vi.advanceTimersByTimeAsync(1_000);
    way.moved();
  }
  expect([asked(), way.signal.aborted]).toEqual([0, false]);
  way.close();
});
