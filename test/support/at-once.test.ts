/** Work with a limit on concurrency. */
import { expect, test } from "vitest";
import { eachAtOnce } from "./at-once.ts";

test("all items are taken in order, and never more than the limit at once", async () => {
  const [begun, running] = [[] as number[], { now: 0, most: 0 }];
  await eachAtOnce([1, 2, 3, 4, 5, 6, 7], 3, async (thing) => {
    begun.push(thing);
    running.most = Math.max(running.most, ++running.now);
    await new Promise(setImmediate);
    running.now--;
  });
  expect(begun).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(running.most).toBe(3);
});

test("the first failure is thrown, and no more work begins after it", async () => {
  const begun: number[] = [];
  const work = eachAtOnce([1, 2, 3, 4, 5], 2, async (thing) => {
    begun.push(thing);
    await new Promise(setImmediate);
    if (thing === 2) throw new Error("two");
    await new Promise(setImmediate);
  });
  await expect(work).rejects.toThrow("two");
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(begun).toEqual([1, 2]);
});
