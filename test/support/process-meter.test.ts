/** Reading /proc: sample texts from Linux, and this process. */
import { describe, expect, test } from "vitest";
import { cpuSecondsIn, descriptorLimit, fieldIn, holdingOf, peakMemoryOf, usageOf } from "./process-meter.ts";

test("CPU time is utime and stime in hundredths of a second, whatever the program's name", () => {
  const stat = "4711 (a (b) c) S 1 4711 4711 0 -1 4194560 900 0 3 0 150 25 7 9 20 0 8 0 123456 1000 200";
  expect(cpuSecondsIn(stat)).toBe(1.75);
});

test("a field is the number after its name", () => {
  expect(fieldIn("VmPeak:\t  900 kB\nVmRSS:\t  123 kB\n", "VmRSS")).toBe(123);
  expect(fieldIn("wchar: 7\nwrite_bytes: 4096\ncancelled_write_bytes: 1\n", "write_bytes")).toBe(4096);
  expect(() => fieldIn("Name:\tnode\n", "VmRSS")).toThrow("VmRSS");
});

describe.runIf(process.platform === "linux")("this process", () => {
  test("has used CPU, holds memory and descriptors, and may open more descriptors", () => {
    expect(usageOf(process.pid).cpuSeconds).toBeGreaterThan(0);
    const { memory, descriptors } = holdingOf(process.pid);
    expect(memory).toBeGreaterThan(1e6);
    expect(peakMemoryOf(process.pid)).toBeGreaterThanOrEqual(memory);
    expect(descriptors).toBeLessThan(descriptorLimit());
  });
});
