/** A real `skein serve` for tests without Docker hosts: the same workerd and bundle, in a directory of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, startServer } from "../../cli/serve/server.ts";
import type { Settings } from "../../shared/settings/settings.ts";

export interface TestApi {
  /** The one that runs now; `kill` and `start` change it. */
  server: Server;
  /** As the admin; a body is sent as JSON. Rejects where the API cannot be reached. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** SIGKILL for workerd; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** `log` takes what workerd says; it goes to our stderr unless told. */
export async function testApi(
  settings: Partial<Settings> = {},
  log?: (text: string) => void,
): Promise<TestApi> {
  const data = mkdtempSync(join(tmpdir(), "skein-api-"));
  const start = (port: number) =>
    startServer({ host: "127.0.0.1", port, data, settings, ...(log && { log }) });
  const api: TestApi = {
    server: await start(0),
    call(method, path, body, headers = {}) {
      return fetch(api.server.url + path, {
        method,
        headers: {
          authorization: `Bearer ${api.server.token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    },
    async kill() {
      process.kill(api.server.pid, "SIGKILL");
      await api.server.ended;
    },
    async start() {
      api.server = await start(Number(new URL(api.server.url).port));
    },
    async close() {
      await api.server.stop();
      rmSync(data, { recursive: true });
    },
  };
  return api;
}
