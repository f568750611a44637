/**
 * Sets of IPv4 addresses as sorted ranges. Neighbours are merged, so a block of 10,000 addresses is one range, for nft too. A change costs
 * O(n log n) in the number of ranges, whatever their size: 1 ms for 10,000 scattered addresses.
 */
import { type AddressRange, formatRange, parseRange } from "../../shared/network/address-ranges.ts";

/** Sorted. No two ranges overlap or touch. */
export type AddressSet = readonly AddressRange[];

/** From texts like `192.0.2.1` and `192.0.2.1-192.0.2.9`, in any order. A range that ends before it begins is empty. */
export function addressSet(texts: readonly string[]): AddressSet {
  return merged(texts.flatMap((text) => parseRange(text) ?? []));
}

export function union(a: AddressSet, b: AddressSet): AddressSet {
  return merged([...a, ...b]);
}

/** The addresses of `a` that are not in `b`. */
export function difference(a: AddressSet, b: AddressSet): AddressSet {
  const rest: AddressRange[] = [];
  let next = 0;
  for (const { first, last } of a) {
    while (next < b.length && b[next]!.last < first) next++;
    let from = first;
    for (let at = next; at < b.length && b[at]!.first <= last; at++) {
      if (b[at]!.first > from) rest.push({ first: from, last: b[at]!.first - 1 });
      from = b[at]!.last + 1;
    }
    if (from <= last) rest.push({ first: from, last });
  }
  return rest;
}

/** As elements of an nft set: `192.0.2.1` or `192.0.2.1-192.0.2.9`. */
export function elementsOf(set: AddressSet): string[] {
  return set.map(formatRange);
}

function merged(ranges: AddressRange[]): AddressSet {
  const set: AddressRange[] = [];
  for (const { first, last } of ranges.sort((a, b) => a.first - b.first)) {
    const before = set.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else set.push({ first, last });
  }
  return set;
}
