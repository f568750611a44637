import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { secretEnvGiven } from "./secret-env.ts";

function file(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "skein-env-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "secrets");
  writeFileSync(path, text);
  return path;
}

test("a value is given, or is the caller's own", () => {
  expect(secretEnvGiven(["A=x=y", "B=", "HF_TOKEN"], [], { HF_TOKEN: "hf_1", OTHER: "2" })).toEqual({
    A: "x=y",
    B: "",
    HF_TOKEN: "hf_1",
  });
});

test("a file has a line for each, and options win over it", () => {
  const path = file('# of the team\nA="1 = 2"\r\n\n  HF_TOKEN\nB=file\n');
  expect(secretEnvGiven(["B=option"], [path], { HF_TOKEN: "hf_1" })).toEqual({
    A: '"1 = 2"',
    HF_TOKEN: "hf_1",
    B: "option",
  });
});

test("a mistake is named, and its text is not shown", () => {
  expect(() => secretEnvGiven(["NOT_SET"], [], {})).toThrow("--secret-env: NOT_SET is not set here");
  const path = file("A=1\nhunter2 hunter2\n");
  expect(() => secretEnvGiven([], [path], {})).toThrow(`${path}, line 2: must be NAME=VALUE or NAME`);
  expect(() => secretEnvGiven(["=hunter2"], [], {})).toThrow(/^(?!.*hunter2)/);
  expect(() => secretEnvGiven([], ["/nowhere"], {})).toThrow("cannot read /nowhere");
});
