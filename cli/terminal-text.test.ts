import { styleText } from "node:util";
import { afterEach, expect, test, vi } from "vitest";
import { block, bold, colored, joined, text, width } from "./terminal-text.ts";

const ESC = "\x1b";

function onTerminal(): void {
  vi.stubEnv("NO_COLOR", undefined);
  vi.stubEnv("FORCE_COLOR", "1");
}

afterEach(() => {
  vi.unstubAllEnvs();
});

test("values of a template are cleaned as one line each, its own words and other texts stay", () => {
  const inner = text`${`a${ESC}[2J`}`;
  expect(String(text`one\n${"two\nthree"} ${inner} ${4}`)).toBe("one\ntwo␊three a␛[2J 4");
});

test("a block keeps its lines, and is cleaned once", () => {
  const output = block(`first\n${ESC}]52;c;aGk=\x07last`);
  expect(String(output)).toBe("first\n␛]52;c;aGk=␇last");
  expect(block(output)).toBe(output);
});

test("colours are ours: they stay, and text that brings its own loses them", () => {
  onTerminal();
  expect(String(text`${colored("failed")}`)).toBe(styleText("red", "failed", { validateStream: false }));
  expect(String(bold(`x${ESC}[0m`))).toBe(styleText("bold", "x␛[0m", { validateStream: false }));
  expect(width(colored("failed"))).toBe(6);
});

test("a coloured text that went through an ordinary template shows its colours as text, and does nothing", () => {
  onTerminal();
  expect(String(joined([`is ${colored("failed")}`]))).toBe("is ␛[31mfailed␛[39m");
});
