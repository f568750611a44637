/** What holds for every command, tried on each of them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { commandLine } from "./command-line.ts";
import { COMMANDS } from "./commands/index.ts";

const scratch = mkdtempSync(join(tmpdir(), "skein-command-line-"));
const file = join(scratch, "file");
writeFileSync(file, "image: a\n");

let stdout: string[];
let stderr: string[];

beforeEach(() => {
  [stdout, stderr] = [[], []];
  vi.spyOn(console, "log").mockImplementation((text: string) => void stdout.push(text));
  vi.spyOn(console, "error").mockImplementation((text: string) => void stderr.push(text));
  // Nobody listens there.
  vi.stubEnv("SKEIN_API", "http://127.0.0.1:1");
  vi.stubEnv("SKEIN_TOKEN", "t");
  vi.stubEnv("XDG_CONFIG_HOME", scratch);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});
afterAll(() => rmSync(scratch, { recursive: true }));

const names = Object.keys(COMMANDS);

describe.each(names)("skein %s", (name) => {
  test("a wrong option is a problem in JSON on stdout, and a message on stderr", async () => {
    expect(await commandLine([...name.split(" "), "--json", "--no-such-option"])).toBe(2);
    expect(stdout).toHaveLength(1);
    expect(JSON.parse(stdout[0]!)).toMatchObject({
      code: "invalid_request",
      detail: expect.stringContaining("Unknown option '--no-such-option'"),
    });
    expect(stderr.join()).toContain("Unknown option");
  });

  test("has help with --json in it, by both ways", async () => {
    expect(await commandLine([...name.split(" "), "--help"])).toBe(0);
    const [help] = stdout.splice(0);
    expect(help).toMatch(/--json /);
    expect(await commandLine(["help", ...name.split(" ")])).toBe(0);
    expect(stdout).toEqual([help]);
  });

  test("a letter that is wrong is mended", async () => {
    const words = name.split(" ");
    const wrong = [...words.slice(0, -1), `${words.at(-1)}x`];
    expect(await commandLine(wrong)).toBe(2);
    expect(stderr.join()).toContain(`did you mean ${words.at(-1)}?`);
  });
});

/** The arguments of those that ask the API. The others are none of this test's: they run on this machine. */
const ASKING: Record<string, string[]> = {
  "join-token": [],
  run: ["--image", "a"],
  start: ["s"],
  plan: ["-f", file],
  ps: [],
  describe: ["s"],
  logs: ["s"],
  events: [],
  exec: ["s", "--", "true"],
  forward: ["s", "80"],
  open: ["s", "a"],
  cp: [file, "s:/tmp"],
  wait: ["s"],
  rm: ["s"],
  "node ls": [],
  "node describe": ["n"],
  "node cordon": ["n", "m"],
  "node uncordon": ["n"],
  "node label": ["n", "a=b"],
  "node rm": ["n"],
  "token create": ["--project", "p"],
  "token ls": [],
  "token revoke": ["t"],
  audit: [],
  ssh: ["s"],
  "ssh-config": ["s"],
  "registry ls": [],
  "registry rm": ["r.example"],
};

test.each(Object.entries(ASKING))(
  "skein %s: an API that does not answer is a problem",
  async (name, args) => {
    // Before the others, since some commands pass on what follows their arguments.
    expect(await commandLine([...name.split(" "), "--json", ...args])).toBe(1);
    expect(JSON.parse(stdout.join("\n"))).toMatchObject({
      code: "unavailable",
      detail: expect.stringContaining("no answer from the API at http://127.0.0.1:1"),
    });
  },
);
