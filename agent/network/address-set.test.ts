import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress } from "../../shared/network/ipv4.ts";
import { type AddressSet, addressSet, difference, elementsOf, union } from "./address-set.ts";

const at = (number: number) => formatAddress(0xc0000200 + number);
/** A few ranges among 66 addresses, as texts. */
const texts = fc.array(
  fc
    .tuple(fc.nat(59), fc.nat(6))
    .map(([first, more]) => (more === 0 ? at(first) : `${at(first)}-${at(first + more)}`)),
  { maxLength: 12 },
);
const members = (set: AddressSet) =>
  new Set(set.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i)));

describe("a set of addresses", () => {
  test("has what was added and not removed, in order, in as few ranges as possible", () => {
    fc.assert(
      fc.property(texts, texts, texts, (one, more, less) => {
        const set = difference(union(addressSet(one), addressSet(more)), addressSet(less));
        const expected = new Set([...members(addressSet([...one, ...more]))]);
        for (const gone of members(addressSet(less))) expected.delete(gone);
        expect(members(set)).toEqual(expected);
        for (const [i, range] of set.entries()) {
          expect(range.first).toBeLessThanOrEqual(range.last);
          if (i > 0) expect(range.first).toBeGreaterThan(set[i - 1]!.last + 1);
        }
        expect(addressSet(elementsOf(set))).toEqual(set);
      }),
    );
  });

  test("merges neighbours: a block of 10,000 addresses is one element", () => {
    const block = Array.from({ length: 10_000 }, (_, i) => formatAddress(0x0a000000 + i));
    expect(elementsOf(addressSet(block))).toEqual(["10.0.0.0-10.0.39.15"]);
    expect(elementsOf(addressSet(["192.0.2.2", "192.0.2.1", "192.0.2.4"]))).toEqual([
      "192.0.2.1-192.0.2.2",
      "192.0.2.4",
    ]);
  });

  test("accepts the lowest and the highest address, and ignores texts that are no range", () => {
    expect(elementsOf(addressSet(["0.0.0.0", "255.255.255.254-255.255.255.255"]))).toEqual([
      "0.0.0.0",
      "255.255.255.254-255.255.255.255",
    ]);
    expect(addressSet(["192.0.2.9-192.0.2.1", "::1", "", "192.0.2.1-x"])).toEqual([]);
  });
});
