/** Ranges of IPv4 addresses and their text, so that thousands of neighbouring machines are a few words. */
import { formatAddress, parseAddress } from "./ipv4.ts";

/** Both ends are included. Unsigned 32-bit numbers. */
export interface AddressRange {
  first: number;
  last: number;
}

/** From `192.0.2.1` or `192.0.2.1-192.0.2.9`; undefined for any other text, and for a range that ends before it begins. */
export function parseRange(text: string): AddressRange | undefined {
  const [from = "", to = from, ...rest] = text.split("-");
  const [first, last] = [parseAddress(from), parseAddress(to)];
  if (rest.length > 0 || first === undefined || last === undefined || first > last) return undefined;
  return { first, last };
}

export function formatRange({ first, last }: AddressRange): string {
  return first === last ? formatAddress(first) : `${formatAddress(first)}-${formatAddress(last)}`;
}

/** `["192.0.2.2", "192.0.2.1", "192.0.2.9"]` → `["192.0.2.1-192.0.2.2", "192.0.2.9"]`: sorted, each once. O(n log n). */
export function addressRanges(addresses: readonly string[]): string[] {
  const numbers = [...new Set(addresses)]
    .flatMap((address) => parseAddress(address) ?? [])
    .sort((a, b) => a - b);
  const ranges: AddressRange[] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range && number === range.last + 1) range.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(formatRange);
}
