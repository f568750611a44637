import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keyProblem } from "../../shared/ssh/public-key.ts";
import { defaultKey, withDefaultKey } from "./default-key.ts";

const hasKeygen = spawnSync("ssh-keygen", ["-?"]).error === undefined;

let home: string;
const own = () => join(home, ".config/skein/ssh/id_ed25519");

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "skein-key-"));
  vi.stubEnv("HOME", home);
  vi.stubEnv("XDG_CONFIG_HOME", "");
  mkdirSync(join(home, ".ssh"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

function keygen(type: string): string {
  const path = join(home, ".ssh", `id_${type}`);
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-f", path]);
  return path;
}

test.skipIf(!hasKeygen)(
  "the first of the user's default keys, also where only its public half is here",
  () => {
    const rsa = keygen("rsa");
    expect(defaultKey()).toEqual({ identity: rsa, line: expect.stringMatching(/^ssh-rsa AAAA/) });
    const ecdsa = keygen("ecdsa");
    rmSync(ecdsa);
    expect(defaultKey()).toEqual({
      identity: ecdsa,
      line: expect.stringMatching(/^ecdsa-sha2-nistp256 AAAA/),
    });
    writeFileSync(join(home, ".ssh/id_ed25519.pub"), "not a key\n");
    expect(defaultKey().identity).toBe(ecdsa);
  },
);

test.skipIf(!hasKeygen)("without any, one of Skein's own is made once, for this user only", () => {
  const { identity, line } = defaultKey();
  expect([identity, keyProblem(line)]).toEqual([own(), undefined]);
  expect(statSync(own()).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, ".config/skein/ssh")).mode & 0o777).toBe(0o700);
  expect(defaultKey()).toEqual({ identity, line });
  expect(readdirSync(join(home, ".ssh"))).toEqual([]);
});

test.skipIf(!hasKeygen)("many commands at once make one key, and know all of it", async () => {
  const file = JSON.stringify(join(import.meta.dirname, "default-key.ts"));
  const script = `import { defaultKey } from ${file}; console.log(defaultKey().line)`;
  const argv = ["--input-type=module-typescript", "-e", script];
  const all = Array.from({ length: 8 }, () => promisify(execFile)(process.execPath, argv));
  const lines = new Set((await Promise.all(all)).map(({ stdout }) => stdout.trim()));
  expect(lines).toEqual(new Set([defaultKey().line]));
  expect(readdirSync(join(home, ".config/skein/ssh")).sort()).toEqual(["id_ed25519", "id_ed25519.pub"]);
});

test.skipIf(!hasKeygen)("a public half that was lost is made again", () => {
  const before = defaultKey();
  rmSync(`${own()}.pub`);
  expect(defaultKey()).toEqual(before);
});

test.skipIf(!hasKeygen)(
  "a request keeps the keys that it names, also none; without OpenSSH here it is sent without",
  () => {
    expect(withDefaultKey({ image: "a", sshKeys: [] })).toEqual({ image: "a", sshKeys: [] });
    vi.stubEnv("PATH", home);
    expect(withDefaultKey({ image: "a" })).toEqual({ image: "a" });
    expect(defaultKey).toThrow("there is no ssh-keygen here");
    vi.unstubAllEnvs();
    vi.stubEnv("HOME", home);
    vi.stubEnv("XDG_CONFIG_HOME", "");
    expect(withDefaultKey({ image: "a" })).toEqual({ image: "a", sshKeys: [defaultKey().line] });
  },
);
