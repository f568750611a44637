import { expect, test } from "vitest";
import { formatBytes, parseBytes } from "./units.ts";

test.each([
  [1, 1],
  ["1", 1],
  ["512MiB", 512 * 2 ** 20],
  ["512 mib", 512 * 2 ** 20],
  ["512Mi", 512 * 2 ** 20],
  ["1.5GiB", 1.5 * 2 ** 30],
  ["2GB", 2e9],
  ["2G", 2e9],
  ["3k", 3000],
  ["1TiB", 2 ** 40],
  ["7B", 7],
  [2 ** 53 - 1, 2 ** 53 - 1],
])("%j is %d bytes", (size, bytes) => {
  expect(parseBytes(size)).toBe(bytes);
});

test.each(["", "12 potatoes", "-1", "0", "0.2", "1e3", "0x10", "8193TiB", "MiB", "1 2", "1.MiB", "Infinity"])(
  "%j is not a size",
  (size) => {
    expect(parseBytes(size)).toBeUndefined();
  },
);

test.each([
  [1, "1B"],
  [1023, "1023B"],
  [536870912, "512MiB"],
  [1.5 * 2 ** 30, "1.5GiB"],
  [2e9, "1.86GiB"],
  [3 * 2 ** 40, "3TiB"],
])("%d bytes read %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test("needed sizes are rounded up and free sizes down", () => {
  expect(formatBytes(2 ** 30 + 1, Math.ceil)).toBe("1.01GiB");
  expect(formatBytes(2 ** 30 + 1, Math.floor)).toBe("1GiB");
});
