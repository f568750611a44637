import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { facts, narrowTable, table } from "./table.ts";
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

const REASON = "pending: no node has room for it: 4 GPUs are missing";

describe("on a terminal", () => {
  test("a long last column is broken at spaces below its heading, and is whole", () => {
    expect(
      String(
        table(
          ["NAME", "REASON"],
          [
            ["train", REASON],
            ["b", ""],
          ],
          32,
        ),
      ),
    ).toBe(
      [
        "NAME   REASON",
        "train  pending: no node has room",
        "       for it: 4 GPUs are",
        "       missing",
        "b",
      ].join("\n"),
    );
  });

  test("that has no room for it, the terminal breaks the line", () => {
    expect(String(table(["NAME", "REASON"], [["train", REASON]], 20))).toContain(`train  ${REASON}`);
  });
});

describe("a table that is drawn", () => {
  const lines = (columns: number, reason: string, spare: string[] = []) =>
    narrowTable(
      ["NAME", "ID", "STATUS", "REASON"],
      [["train", "ses_1", bold("ok"), reason]],
      columns,
      spare,
    ).map((line) => stripVTControlCharacters(String(line)));

  test("cuts the middle of the last column", () => {
    expect(lines(40, REASON)[1]).toBe("train  ses_1  ok      pending: … missing");
  });

  test("cuts by what is seen after the cleaning", () => {
    expect(lines(40, "\u202e".repeat(9))[1]).toBe("train  ses_1  ok      \\u{202e}\\…\\u{202e}");
    expect(lines(40, "\u202e".repeat(9))[1]).toHaveLength(40);
  });

  test("leaves out what is spare only where the last column needs the room", () => {
    expect(lines(40, "why", ["ID"])[0]).toBe("NAME   ID     STATUS  REASON");
    expect(lines(40, REASON, ["ID", "STATUS"])).toEqual([
      "NAME   REASON",
      "train  pending: no node…GPUs are missing",
    ]);
    expect(lines(60, REASON, ["ID", "STATUS"])[0]).toBe("NAME   STATUS  REASON");
  });

  test("is never wider than the terminal", () => {
    for (const line of lines(12, REASON)) expect(line.length).toBeLessThanOrEqual(12);
  });
});
