/** `skein wait` against a real API that is killed meanwhile. Linux only. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { SessionView } from "../shared/session/session-schemas.ts";
import { TestNode } from "./support/node.ts";
import { ServeProcess } from "./support/serve-process.ts";
import { apiClient } from "./support/server.ts";

const directory = mkdtempSync(join(tmpdir(), "skein-wait-"));
const data = join(directory, "data");
let serve: ServeProcess;
const token = () => readFileSync(join(data, "admin-token"), "utf8").trim();

beforeAll(async () => {
  serve = await ServeProcess.start({ data });
});

afterAll(async () => {
  await serve.end("SIGKILL");
  rmSync(directory, { recursive: true });
});

async function create(body: object): Promise<SessionView> {
  const answer = await serve.call("POST", "/v1/sessions", { image: "a", ...body });
  return (await answer.json()) as SessionView;
}

function waiting(...args: string[]) {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, "../cli/main.ts"), "wait", ...args], {
    env: { ...process.env, SKEIN_API: serve.url, SKEIN_TOKEN: token() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    stderr += piece;
  });
  const over = Promise.all([text(child.stdout), once(child, "exit")]).then(([stdout, [code]]) => ({
    stdout,
    code,
    stderr,
  }));
  return { over, said: () => stderr };
}

describe.skipIf(process.platform !== "linux")("skein wait", () => {
  test("waits for the end, over a restart of the API that it tells of", async () => {
    const { id, name } = await create({});
    const { over, said } = waiting(name);
    await vi.waitUntil(() => said().includes("is pending"), { timeout: 20_000 });
    const before = serve.workerd!;
    process.kill(before, "SIGKILL");
    await serve.back(before, 20_000);
    await vi.waitUntil(() => said().includes("the API answers again"), { timeout: 30_000 });
    await serve.call("DELETE", `/v1/sessions/${id}`);
    expect(await over).toMatchObject({ stdout: "terminated\n", code: 0 });
  });

  test("a failed one: exit code 1, with the reason; --json has the session", async () => {
    const { id } = await create({ queueTimeout: 1 });
    const { stdout, stderr, code } = await waiting(id).over;
    expect([stdout, code]).toEqual(["failed\n", 1]);
    expect(stderr).toContain("it waited 1 s, its queueTimeout");
    const again = await waiting(id, "--for", "running", "--json").over;
    expect([JSON.parse(again.stdout), again.code]).toEqual([
      expect.objectContaining({ id, status: "failed" }),
      1,
    ]);
  });

  test("--for running: returns while it runs; without it, only after the end", async () => {
    const node = await TestNode.join(apiClient({ url: serve.url, token: token() }), "only");
    const link = await node.follow();
    const { id } = await create({});
    expect(await waiting(id, "--for", "running").over).toMatchObject({ stdout: "running\n", code: 0 });
    const { over } = waiting(id);
    await serve.call("DELETE", `/v1/sessions/${id}`);
    expect(await over).toMatchObject({ stdout: "terminated\n", code: 0 });
    link.close();
  });

  test.each([[["--for", "ready", "x"]], [[]]])("%j is wrong usage", async (args) => {
    expect(await waiting(...args).over).toMatchObject({ stdout: "", code: 2 });
  });
});
