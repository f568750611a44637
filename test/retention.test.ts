/** Retention on a real `skein serve`: what many short sessions leave, once they need not be looked up any more. */
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { SessionView } from "../shared/session/session-schemas.ts";
import { eachAtOnce } from "./support/at-once.ts";
import { TestNode } from "./support/node.ts";
import { ServeProcess } from "./support/serve-process.ts";
import { apiClient } from "./support/server.ts";

/** `SKEIN_TEST_SESSIONS=5000` for more. */
const SESSIONS = Number(process.env["SKEIN_TEST_SESSIONS"] ?? 100);
const UNLIMITED = ["--set", "REQUESTS_PER_MINUTE=10000000", "--set", "REQUEST_BURST=10000000"];
const WITHIN = { timeout: 30_000 + 150 * SESSIONS, interval: 100 };
/** The platform keeps an object's file, with one page of SQLite in it. */
const FILE_BYTES = 4096;
/** For waking them to empty them, 50 at a time: 22 MB for 1,500. */
const SWEEP_MEMORY = 64 * 2 ** 20;

test.skipIf(process.platform !== "linux")(
  `${SESSIONS} short sessions: once their retention is over, a file of 4 KiB is left of each`,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "skein-api-"));
    const data = join(directory, "data");
    let serve = await ServeProcess.start({ data, flags: UNLIMITED });
    onTestFinished(async () => {
      await serve.end("SIGKILL");
      rmSync(directory, { recursive: true });
    });
    const token = readFileSync(join(data, "admin-token"), "utf8").trim();
    const api = apiClient({ url: serve.url, token });
    const link = await (await TestNode.join(api, "only")).follow();
    const keyed = { "idempotency-key": "first" };
    const ids: string[] = [];
    await eachAtOnce(Array(SESSIONS).keys(), 12, async (number) => {
      const made = await api.call("POST", "/v1/sessions?wait=60", { image: "a" }, number === 0 ? keyed : {});
      const { id } = (await made.json()) as SessionView;
      await api.call("DELETE", `/v1/sessions/${id}`);
      const ended = (await (await api.call("GET", `/v1/sessions/${id}?wait=60`)).json()) as SessionView;
      expect(ended.status, ended.reason ?? "").toBe("terminated");
      ids.push(id);
    });
    link.close();
    await serve.end();
    expect(sessionFiles(data)).toHaveLength(SESSIONS);
    expect(Math.min(...sessionFiles(data))).toBeGreaterThan(FILE_BYTES);

    serve = await ServeProcess.start({ data, flags: [...UNLIMITED, "--set", "SESSION_RETENTION_SECONDS=1"] });
    const began = memoryOf(serve);
    const again = apiClient({ url: serve.url, token });
    await vi.waitFor(async () => {
      expect(await (await again.call("GET", "/v1/sessions")).json()).toMatchObject({ items: [] });
    }, WITHIN);
    expect((await again.call("GET", `/v1/sessions/${ids.at(-1)}`)).status).toBe(404);
    const repeated = await again.call("POST", "/v1/sessions", { image: "a" }, keyed);
    expect([repeated.status, await repeated.json()]).toEqual([
      409,
      expect.objectContaining({ code: "idempotency_conflict" }),
    ]);
    await vi.waitFor(() => expect(sessionFiles(data)).toEqual(Array(SESSIONS).fill(FILE_BYTES)), WITHIN);
    expect(memoryOf(serve)).toBeLessThan(began + SWEEP_MEMORY);
  },
  60_000 + 300 * SESSIONS,
);

/** Bytes of all files of Session objects; a database that is open has others beside it. */
function sessionFiles(data: string): number[] {
  const cwd = join(data, "objects/skein-session");
  // What is not an object's is the platform's own, of all objects' alarms.
  const names = globSync("*", { cwd }).filter((name) => !name.startsWith("metadata."));
  return names.map((name) => statSync(join(cwd, name), { throwIfNoEntry: false })?.size ?? 0);
}

/** What workerd has in memory, in bytes. */
function memoryOf(serve: ServeProcess): number {
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${serve.workerd}/status`, "utf8"))![1]);
}
