import fc from "fast-check";
import { expect, test } from "vitest";
import { firstOf } from "./first-of.ts";

test("is the beginning of the sorted list, and equal items keep their order", () => {
  const item = fc.tuple(fc.nat(9), fc.nat());
  fc.assert(
    fc.property(fc.array(item, { maxLength: 60 }), fc.integer({ min: 1, max: 60 }), (items, count) => {
      const byKey = ([a]: [number, number], [b]: [number, number]) => a - b;
      expect(firstOf(items, count, byKey)).toEqual(items.toSorted(byKey).slice(0, count));
    }),
  );
});
