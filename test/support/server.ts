/** A real `skein serve` for tests without Docker hosts: the same workerd and bundle, in its own directory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, startServer } from "../../cli/serve/server.ts";
import type { Settings } from "../../shared/settings/settings.ts";

/** An API, and the admin's calls to it. */
export interface ApiClient {
  readonly server: Pick<Server, "url" | "token">;
  /** Sends a body as JSON. Rejects if the API cannot be reached, or the signal aborts. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Response>;
}

export interface TestApi extends ApiClient {
  /** The workerd that runs now; `kill` and `start` change it. */
  server: Server;
  /** Sends workerd SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Restarts it on the same port and data. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** For a program that did not start the API itself. `patienceMs`: time limit of a call without its own signal. */
export function apiClient(server: ApiClient["server"], patienceMs?: number): ApiClient {
  return {
    server,
    call(method, path, body, headers = {}, signal = patience(patienceMs)) {
      return fetch(server.url + path, {
        method,
        headers: {
          authorization: `Bearer ${server.token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal && { signal }),
      });
    },
  };
}

function patience(ms: number | undefined): AbortSignal | undefined {
  return ms === undefined ? undefined : AbortSignal.timeout(ms);
}

/** `log` receives workerd's output; default: our stderr. */
export async function testApi(
  settings: Partial<Settings> = {},
  log?: (text: string) => void,
): Promise<TestApi> {
  const directory = mkdtempSync(join(tmpdir(), "skein-api-"));
  const data = join(directory, "data");
  const start = (port: number) =>
    startServer({ host: "127.0.0.1", port, data, settings, ...(log && { log }) });
  const api: TestApi = {
    server: await start(0),
    call: (...args) => apiClient(api.server).call(...args),
    async kill() {
      process.kill(api.server.pid, "SIGKILL");
      await api.server.ended;
    },
    async start() {
      api.server = await start(Number(new URL(api.server.url).port));
    },
    async close() {
      await api.server.stop();
      rmSync(directory, { recursive: true });
    },
  };
  return api;
}
