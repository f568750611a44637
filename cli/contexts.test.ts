import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CliError } from "./cli-error.ts";
import { contextNamed, destination, pinned, readContexts, writeContexts } from "./contexts.ts";

let config: string;
beforeEach(() => {
  config = mkdtempSync(join(tmpdir(), "skein-config-"));
  vi.stubEnv("XDG_CONFIG_HOME", config);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(config, { recursive: true });
});

const lab = { api: "http://lab:8787", token: "t1" };
const cloud = { api: "https://skein.example", token: "t2" };
const both = { current: "lab", contexts: { lab, cloud } };

test("are kept for their owner alone", () => {
  expect(readContexts()).toEqual({ current: null, contexts: {} });
  writeContexts(both);
  writeContexts(both);
  expect(readContexts()).toEqual(both);
  expect(statSync(join(config, "skein")).mode & 0o777).toBe(0o700);
  expect(statSync(join(config, "skein/contexts.json")).mode & 0o777).toBe(0o600);
});

test("a file that is something else is named, and nothing of it is shown", () => {
  writeContexts(both);
  writeFileSync(join(config, "skein/contexts.json"), "{");
  expect(() => readContexts()).toThrow(CliError);
});

test("one that is not there is said so", () => {
  expect(contextNamed(both, "lab")).toBe(lab);
  expect(() => contextNamed(both, "toString")).toThrow("there is no context toString");
});

describe("commands go", () => {
  const local = { api: "http://127.0.0.1:8787", token: () => "admin" };
  test.each([
    ["to this machine without any", {}, { current: null, contexts: {} }, { api: local.api, token: "admin" }],
    ["to the current context", {}, both, lab],
    ["where SKEIN_API says, with the token of that API", { SKEIN_API: cloud.api }, both, cloud],
    [
      "without a token to an API that nobody logged in to",
      { SKEIN_API: "http://x" },
      both,
      { api: "http://x" },
    ],
    ["to the context that SKEIN_CONTEXT names", { SKEIN_CONTEXT: "cloud" }, both, cloud],
    ["to the current context as SKEIN_TOKEN's bearer", { SKEIN_TOKEN: "t" }, both, { ...lab, token: "t" }],
    [
      "with the current context's token where two are for one API",
      {},
      { current: "other", contexts: { lab, other: { ...lab, token: "t3" } } },
      { ...lab, token: "t3" },
    ],
  ])("%s", (_what, env, contexts, expected) => {
    expect(destination(env, contexts, local)).toEqual({ token: undefined, ...expected });
  });

  test("nowhere, if SKEIN_CONTEXT names none", () => {
    expect(() => destination({ SKEIN_CONTEXT: "nope" }, both, local)).toThrow("there is no context nope");
  });
});

describe("a program that calls skein later goes", () => {
  const local = { api: "http://127.0.0.1:8787", token: () => "admin" };
  const pinnedTo = (name: string) => ({ SKEIN_API: null, SKEIN_TOKEN: null, SKEIN_CONTEXT: name });
  test.each([
    ["to this machine's API", {}, { current: null, contexts: {} }, { SKEIN_API: local.api }],
    ["to the context that is current now", {}, both, pinnedTo(both.current!)],
    ["to the context of SKEIN_CONTEXT", { SKEIN_CONTEXT: "cloud" }, both, pinnedTo("cloud")],
    ["to the API of SKEIN_API", { SKEIN_API: "http://x" }, both, { SKEIN_API: "http://x" }],
    [
      "to the same API with SKEIN_TOKEN, which is not written down",
      { SKEIN_TOKEN: "t" },
      both,
      { SKEIN_API: lab.api },
    ],
  ])("%s", (_what, env, contexts, expected) => {
    expect(pinned(env, contexts, local)).toEqual(expected);
  });
});
