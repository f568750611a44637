import { expect, test } from "vitest";
import { table } from "./table.ts";

test("columns are as wide as their widest cell, and lines end without blanks", () => {
  expect(
    table(
      ["HOST", "REASON"],
      [
        ["main1", ""],
        ["a", "why not"],
      ],
    ),
  ).toBe("HOST   REASON\nmain1\na      why not");
});

test("colours do not count as width", () => {
  expect(table(["A", "B"], [["\x1b[31mred\x1b[39m", "x"]])).toBe("A    B\n\x1b[31mred\x1b[39m  x");
});

test("without rows it is the header alone", () => {
  expect(table(["A", "B"], [])).toBe("A  B");
});
