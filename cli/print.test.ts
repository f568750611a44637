import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { print, printJson, say } from "./print.ts";
import { text } from "./terminal-text.ts";

let stdout: string[];
let stderr: string[];
beforeEach(() => {
  stdout = [];
  stderr = [];
  vi.spyOn(console, "log").mockImplementation((said: string) => void stdout.push(said));
  vi.spyOn(console, "error").mockImplementation((said: string) => void stderr.push(said));
});
afterEach(() => vi.restoreAllMocks());

const HOSTILE = "a\x1b]52;c;aGk=\x07\u202eb\x9b2J";

test("a string is cleaned on its way out, whoever made it", () => {
  print(`two\nlines ${HOSTILE}`);
  say(HOSTILE);
  print(text`${HOSTILE}`);
  const shown = "a␛]52;c;aGk=␇\\u{202e}b\\u{9b}2J";
  expect([stdout, stderr]).toEqual([[`two\nlines ${shown}`, shown], [shown]]);
});

test("JSON is exact, and acts on no terminal", () => {
  printJson({ [HOSTILE]: [HOSTILE, "\n"] });
  expect(JSON.parse(stdout[0]!)).toEqual({ [HOSTILE]: [HOSTILE, "\n"] });
  expect(stdout[0]).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
});
