import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cidrsOverlap, formatAddress, parseAddress, parseCidr } from "./ipv4.ts";

describe("IPv4", () => {
  test("every address survives formatting and parsing", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (address) => {
        expect(parseAddress(formatAddress(address))).toBe(address);
      }),
    );
  });

  test.each(["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "1.2.3.-4", " 1.2.3.4", "::1", "a.b.c.d"])(
    "%j is no address",
    (text) => {
      expect(parseAddress(text)).toBeUndefined();
    },
  );

  test.each(["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "fd00::/8", "default", "10.0.0.0/-1"])(
    "%j is no CIDR",
    (text) => {
      expect(parseCidr(text)).toBeUndefined();
    },
  );

  test("a CIDR is the block around its address", () => {
    expect(parseCidr("10.64.1.7/24")).toEqual({ first: 0x0a400100, last: 0x0a4001ff });
    expect(parseCidr("255.255.255.255/32")).toEqual({ first: 2 ** 32 - 1, last: 2 ** 32 - 1 });
    expect(parseCidr("0.0.0.0/0")).toEqual({ first: 0, last: 2 ** 32 - 1 });
    expect(parseCidr("10.0.0.1")).toEqual(parseCidr("10.0.0.1/32"));
  });

  test.each([
    ["10.64.0.0/24", "10.64.0.255/32", true],
    ["10.64.0.0/24", "10.64.1.0/24", false],
    ["10.64.0.0/24", "10.0.0.0/8", true],
    ["0.0.0.0/0", "224.0.0.0/4", true],
    ["10.64.0.0/24", "fd00::/8", false],
  ])("%s and %s overlap: %s", (a, b, overlap) => {
    expect(cidrsOverlap(a, b)).toBe(overlap);
    expect(cidrsOverlap(b, a)).toBe(overlap);
  });
});
