import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CliError, Refusal, UsageError } from "./cli-error.ts";
import { report } from "./report.ts";

let stdout: string[];
let stderr: string[];
beforeEach(() => {
  stdout = [];
  stderr = [];
  vi.spyOn(console, "log").mockImplementation((text: string) => void stdout.push(text));
  vi.spyOn(console, "error").mockImplementation((text: string) => void stderr.push(text));
});
afterEach(() => vi.restoreAllMocks());

const context = { command: "run", json: false };

describe("a failure is reported on stderr", () => {
  test("with what to do", () => {
    expect(report(new CliError("port 1 is in use", "choose another"), context)).toBe(1);
    expect(stderr).toEqual(["skein: port 1 is in use\n  choose another"]);
    expect(stdout).toEqual([]);
  });

  test("with a pointer to the help if the command line is wrong", () => {
    expect(report(new UsageError("--size must be a whole number"), context)).toBe(2);
    expect(stderr).toEqual(["skein: --size must be a whole number\n  see: skein run --help"]);
  });

  test("with each field that the API refused", () => {
    const errors = [
      { field: "clusterSize", message: "must be at least 1" },
      { field: "", message: "is needed" },
    ];
    report(new Refusal({ title: "Bad fields", detail: "clusterSize: must be at least 1", errors }), context);
    expect(stderr).toEqual(["skein: Bad fields\n  clusterSize: must be at least 1\n  body: is needed"]);
  });

  test("with the reason of each node if there is no room", () => {
    const nodes = [{ node: "a", reason: "cordoned" }];
    report(new Refusal({ title: "No room", detail: "needs 4 cores", nodes }), context);
    expect(stderr).toEqual(["skein: needs 4 cores\n  a: cordoned"]);
  });

  test("without a stack trace, also if it is unexpected", () => {
    expect(report(new TypeError("undefined is not a function"), context)).toBe(1);
    expect(stderr).toEqual(["skein: undefined is not a function"]);
  });
});

test("with --json, the API's problem is the answer", () => {
  const problem = { title: "No room", detail: "needs 4 cores", nodes: [] };
  report(new Refusal(problem), { command: "plan", json: true });
  expect(JSON.parse(stdout[0]!)).toEqual(problem);
  expect(stderr).toEqual(["skein: needs 4 cores"]);
});

test.each([
  [
    new UsageError("--size must be a whole number"),
    { code: "invalid_request", title: "Wrong usage", detail: "--size must be a whole number" },
  ],
  [
    new CliError("port 1 is in use", "choose another"),
    { type: "about:blank", detail: "port 1 is in use", hint: "choose another" },
  ],
  [new TypeError("undefined is not a function"), { detail: "undefined is not a function" }],
])("with --json, any other failure is a problem, too: %s", (error, problem) => {
  report(error, { command: "plan", json: true });
  expect(stdout).toHaveLength(1);
  expect(JSON.parse(stdout[0]!)).toMatchObject(problem);
});
