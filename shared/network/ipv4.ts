/** IPv4 arithmetic on unsigned 32-bit numbers: addresses, CIDR ranges, and the MAC of an address. */

/** An aligned block of addresses, both ends included. */
export interface Range {
  first: number;
  last: number;
}

const DOTTED = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** `"10.64.0.2"` → 171966466; undefined when it is not four numbers up to 255. */
export function parseAddress(text: string): number | undefined {
  const bytes = DOTTED.exec(text);
  if (!bytes) return undefined;
  let address = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = Number(bytes[i]);
    if (byte > 255) return undefined;
    address = address * 256 + byte;
  }
  return address;
}

export function formatAddress(address: number): string {
  return bytesOf(address).join(".");
}

/** `"10.64.0.7/24"` → the whole block around it; a bare address is a block of one. Undefined when it is neither. */
export function parseCidr(text: string): Range | undefined {
  const [base = "", prefix = "32", ...rest] = text.split("/");
  const address = parseAddress(base);
  if (address === undefined || rest.length > 0 || !/^\d{1,2}$/.test(prefix) || Number(prefix) > 32) {
    return undefined;
  }
  const size = 2 ** (32 - Number(prefix));
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

/** Do two CIDRs share an address? False when either is not IPv4. */
export function cidrsOverlap(a: string, b: string): boolean {
  const [left, right] = [parseCidr(a), parseCidr(b)];
  return left !== undefined && right !== undefined && left.first <= right.last && right.first <= left.last;
}

/** `"10.64.0.2"` → `"02:42:0a:40:00:02"`: locally administered, and the form Docker itself uses. */
export function macOf(address: string): string {
  const number = parseAddress(address);
  if (number === undefined) throw new Error(`not an IPv4 address: ${address}`);
  return ["02", "42", ...bytesOf(number).map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

function bytesOf(address: number): number[] {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255);
}
