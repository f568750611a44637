/** Lists of IPv4 addresses as ranges, so that thousands of neighbouring machines are a few words. */
import { formatAddress, parseAddress } from "./ipv4.ts";

/** `["192.0.2.2", "192.0.2.1", "192.0.2.9"]` → `["192.0.2.1-192.0.2.2", "192.0.2.9"]`: sorted, each once. O(n log n). */
export function addressRanges(addresses: readonly string[]): string[] {
  const numbers = [...new Set(addresses)]
    .flatMap((address) => parseAddress(address) ?? [])
    .sort((a, b) => a - b);
  const ranges: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range && number === range.last + 1) range.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(({ first, last }) =>
    first === last ? formatAddress(first) : `${formatAddress(first)}-${formatAddress(last)}`,
  );
}
