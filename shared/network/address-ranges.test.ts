import fc from "fast-check";
import { expect, test } from "vitest";
import { addressRanges } from "./address-ranges.ts";
import { formatAddress, parseAddress } from "./ipv4.ts";

test("neighbours become one range, whatever their order, and each address counts once", () => {
  expect(addressRanges(["192.0.2.2", "192.0.3.0", "192.0.2.1", "192.0.2.255", "192.0.2.1"])).toEqual([
    "192.0.2.1-192.0.2.2",
    "192.0.2.255-192.0.3.0",
  ]);
  expect(addressRanges([])).toEqual([]);
});

test("ranges hold exactly the addresses that were given", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 300 })), (numbers) => {
      const inside = addressRanges(numbers.map(formatAddress)).flatMap((range) => {
        const [first, last = first] = range.split("-").map((end) => parseAddress(end)!);
        return Array.from({ length: last! - first! + 1 }, (_, step) => first! + step);
      });
      expect(inside).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    }),
  );
});
