/** `skein login` and `skein context` against a real API. Linux only. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServeProcess } from "./support/serve-process.ts";

const directory = mkdtempSync(join(tmpdir(), "skein-login-"));
const data = join(directory, "data");
let serve: ServeProcess;

beforeAll(async () => {
  serve = await ServeProcess.start({ data });
});

afterAll(async () => {
  await serve.end("SIGKILL");
  rmSync(directory, { recursive: true });
});

async function skein(
  args: string[],
  { input = "", env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
) {
  const { SKEIN_API: _api, SKEIN_TOKEN: _token, ...outer } = process.env;
  const child = spawn(process.execPath, [resolve(import.meta.dirname, "../cli/main.ts"), ...args], {
    env: { ...outer, XDG_CONFIG_HOME: directory, ...env },
  });
  child.stdin.end(input);
  const ended = once(child, "exit");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  return { code, stdout, stderr };
}

describe.skipIf(process.platform !== "linux")("skein login", () => {
  test("tries the token, stores it, and other commands use it; the token is shown nowhere", async () => {
    const token = readFileSync(join(data, "admin-token"), "utf8").trim();
    const refused = await skein(["login", serve.url], { input: "wrong\n" });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("does not take this token") });
    expect(await skein(["context", "ls", "--json"])).toMatchObject({ code: 0, stdout: "[]\n" });

    const done = await skein(["login", serve.url, "--name", "lab"], { input: `${token}\n` });
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining("(context lab)") });
    expect((await skein(["ps"])).code).toBe(0);
    const listed = await skein(["context", "ls", "--json"]);
    expect(JSON.parse(listed.stdout)).toEqual([{ name: "lab", api: serve.url, current: true }]);
    for (const { stdout, stderr } of [refused, done, listed]) expect(stdout + stderr).not.toContain(token);

    expect(await skein(["ps"], { env: { SKEIN_TOKEN: "other" } })).toMatchObject({ code: 1 });
    expect(await skein(["context", "use", "none"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("skein context ls"),
    });
    expect((await skein(["context", "rm", "lab"])).code).toBe(0);
    expect(await skein(["ps"], { env: { SKEIN_API: serve.url } })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`run: skein login ${serve.url}`),
    });
  });

  test("an API that is not there is said so, and nothing is stored", async () => {
    const gone = await skein(["login", "http://127.0.0.1:9"], { input: "token" });
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining("no answer from the API") });
    expect((await skein(["login", "ftp://x"], { input: "token" })).code).not.toBe(0);
    expect(await skein(["context", "ls", "--json"])).toMatchObject({ stdout: "[]\n" });
  });
});
