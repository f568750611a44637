import { expect, test } from "vitest";
import { makeLog } from "./log.ts";

test("an entry is one line, and nothing in it acts on a terminal", () => {
  const lines: string[] = [];
  const log = makeLog((line) => lines.push(line));
  log.warn({ reason: "a\x1b[2J\x9b31m b\u202e\u2028" }, "pull of x\nfailed\x1b]52;c;aGk=\x07");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("pull of x␊failed␛]52;c;aGk=␇");
  expect(lines[0]!.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}]/u);
  expect(lines[0]!.endsWith("\n")).toBe(true);
});
