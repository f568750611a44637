import { describe, expect, test } from "vitest";
import { UsageError } from "./cli-error.ts";
import { defineCommand, ownWords, readInput } from "./command.ts";

const command = defineCommand({
  options: {
    name: { type: "string", short: "n", about: "" },
    env: { type: "string", multiple: true, about: "" },
    json: { type: "boolean", about: "" },
  },
  positionals: { name: "THING", min: 1, max: 2 },
  rest: "COMMAND",
  async run() {},
});
const plain = defineCommand({ options: {}, positionals: { name: "ID", min: 0, max: 1 }, async run() {} });

describe("a command line", () => {
  test("is parsed into options, positionals and the words after --", () => {
    const argv = ["-n", "x", "a", "--env", "A=1", "--env=B=2", "b", "--", "sh", "-c", "--json"];
    expect(readInput(command, argv)).toEqual({
      options: { name: "x", env: ["A=1", "B=2"], json: false },
      positionals: ["a", "b"],
      rest: ["sh", "-c", "--json"],
    });
  });

  test("may be empty if the command needs nothing", () => {
    expect(readInput(plain, [])).toEqual({ options: {}, positionals: [], rest: [] });
  });

  test("after --, a dash begins no option, also if the command takes nothing more", () => {
    expect(readInput(plain, ["--", "-x"]).positionals).toEqual(["-x"]);
  });

  test("of a command that passes words on: all behind its first word are another program's", () => {
    const passing = defineCommand({
      options: { json: { type: "boolean", about: "" } },
      positionals: { name: "SESSION", min: 1, max: 1 },
      passesOn: "[ARGS…]",
      async run() {},
    });
    for (const words of [[], ["-L", "80:a:80", "--json"], ["--", "-x"], ["cat", "--", "--help"]]) {
      const argv = ["--json", "train", ...words];
      expect(ownWords(passing, argv)).toEqual(["--json", "train"]);
      expect(readInput(passing, argv)).toEqual({
        options: { json: true },
        positionals: ["train"],
        rest: words,
      });
    }
    expect(ownWords(passing, ["--help"])).toEqual(["--help"]);
    expect(() => readInput(passing, [])).toThrow("SESSION is missing");
  });

  test.each([
    [["a", "--nmae", "x"], "Unknown option '--nmae' (did you mean --name?)"],
    [["a", "-x"], "Unknown option '-x'"],
    [["a", "--name"], "Option '-n, --name <value>' argument missing"],
    [["a", "--json=yes"], "Option '--json' does not take an argument"],
    [[], "THING is missing"],
    [["a", "b", "c"], "c is one argument too many"],
  ])("%j is wrong usage: %s", (argv, message) => {
    expect(() => readInput(command, argv)).toThrow(new UsageError(message));
  });
});
