/** The table: rows by phase, two columns and the growth. */
import { describe, expect, test } from "vitest";
import { type Column, MEASURES } from "./measures.ts";
import { readOptions } from "./options.ts";
import { report, rowsOf } from "./report.ts";

const columns: [Column, Column] = [
  { nodes: 100, values: { joinSeconds: 2, idleCpu: 1.5, backSeconds: 3 } },
  {
    nodes: 1000,
    values: { joinSeconds: 30, idleCpu: 12, backSeconds: "382 of 1,000 after 75 s", bigSeconds: 9 },
  },
];

test("each phase has a title and its rows; a measure that no run took has none", () => {
  expect(rowsOf(columns)).toEqual([
    ["Joining", "", "", ""],
    [`  ${MEASURES.joinSeconds.label}`, "2 s", "30 s", "× 15"],
    ["At rest", "", "", ""],
    [`  ${MEASURES.idleCpu.label}`, "1.50 % of a core", "12 % of a core", "× 8"],
    ["One big session", "", "", ""],
    [`  ${MEASURES.bigSeconds.label}`, "–", "9 s", ""],
    ["workerd killed and started again", "", "", ""],
    [`  ${MEASURES.backSeconds.label}`, "3 s", "382 of 1,000 after 75 s", ""],
  ]);
});

test("a text that is too wide for a column is cut", () => {
  const failed: Column = { nodes: 10, values: { runsAfter: `failed: ${"x".repeat(100)}` } };
  const cell = rowsOf([failed, failed])[1]![1]!;
  expect(cell).toMatch(/^failed: x+…$/);
  expect(cell.length).toBe(40);
});

describe("the report", () => {
  test("is a table", () => {
    const lines = report(columns, readOptions([])).split("\n");
    expect(lines[3]).toMatch(/^ +100 nodes +1,000 nodes +growth$/);
  });

  test("is JSON with --json: the options, both columns, and the growth of figures that have one", () => {
    const { about, ...rest } = JSON.parse(report(columns, readOptions(["--json", "--waiting", "7"])));
    expect(about).toMatchObject({ nodes: 300, waiting: 7 });
    expect(rest).toEqual({ columns, growth: { joinSeconds: 15, idleCpu: 8 } });
  });
});
