import { afterEach, expect, test, vi } from "vitest";
import { logError } from "./log-error.ts";

afterEach(() => vi.restoreAllMocks());

test("an entry has the error with its cause, and nothing that acts on a terminal", () => {
  const said: string[] = [];
  vi.spyOn(console, "error").mockImplementation((text: string) => void said.push(text));
  logError("node \x1b[2J:", new Error("outer\u202e", { cause: new Error("inner\x9b") }));
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/^node ␛\[2J: Error: outer\\u\{202e\}\n(.*\n)*caused by: Error: inner\\u\{9b\}/);
});
