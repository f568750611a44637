import { expect, test } from "vitest";
import { facts, table } from "./table.ts";
import { bold } from "./terminal-text.ts";

test("columns are as wide as their widest cell, and lines end without blanks", () => {
  const rows = [
    ["main1", ""],
    ["a", "why not"],
  ];
  expect(String(table(["HOST", "REASON"], rows))).toBe("HOST   REASON\nmain1\na      why not");
});

test("colours do not count as width", () => {
  const lines = String(table(["A", "B"], [[bold("red"), "x"]])).split("\n");
  expect(lines[0]).toBe("A    B");
  expect(lines[1]).toMatch(/red.*? {2}x$/);
});

test("without rows it is the header alone", () => {
  expect(String(table(["A", "B"], []))).toBe("A  B");
});

test("a cell that pretends to be another row, or clears the screen, is shown as what it is", () => {
  const forged = "x\nmain2  running\x1b[2J";
  expect(String(table(["HOST"], [[forged]]))).toBe("HOST\nx␊main2  running␛[2J");
  expect(String(facts([["docker", forged]], 8))).toBe("docker  x␊main2  running␛[2J");
});

test("a last column that is too wide loses its middle", () => {
  const rows = [["train", "pending: no node has room for it: 4 GPUs are missing"]];
  const [, line] = String(table(["NAME", "REASON"], rows, 40)).split("\n");
  expect(line).toBe("train  pending: no node…GPUs are missing");
  expect(String(table(["NAME", "REASON"], rows, 10))).toContain("pending:…missing");
});

test("it is cut by its width after it was cleaned", () => {
  const [, line] = String(table(["NAME", "REASON"], [["a", "\u202e".repeat(9)]], 26)).split("\n");
  expect(line).toBe("a     \\u{202e}\\u…}\\u{202e}");
  expect(line).toHaveLength(26);
});
