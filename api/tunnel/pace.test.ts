/** How fast messages go to a browser. */
import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

const MIB = 1024 * 1024;

test("what comes after a burst waits as long as a slow reader would take for it", async () => {
  const pace = new Pace();
  const start = Date.now();
  await pace.after(16 * MIB);
  const burst = Date.now() - start;
  await pace.after(MIB);
  const more = Date.now() - start - burst;
  expect(burst).toBeLessThan(200);
  // 250 ms; Date.now stands still while a worker computes.
  expect(more).toBeGreaterThan(150);
  expect(more).toBeLessThan(2000);
});
