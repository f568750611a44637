/** `skein serve` as its own process, and the workerd that it keeps up. Linux only. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { expect, vi } from "vitest";

const MAIN = join(import.meta.dirname, "../../cli/main.ts");

export interface ServeOptions {
  data: string;
  /** Its limits of open files, in prlimit's notation: `1000`, `500:1000`; default: ours. */
  nofile?: string;
  flags?: readonly string[];
}

export class ServeProcess {
  /** All its output so far. */
  stdout = "";
  stderr = "";
  /** Resolves with its exit code. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #data: string;

  private constructor({ data, nofile, flags = [] }: ServeOptions) {
    const limits = nofile === undefined ? [] : ["prlimit", `--nofile=${nofile}`];
    const serve = [process.execPath, MAIN, "serve", "--listen", "127.0.0.1:0", "--data", data, ...flags];
    const [program, ...args] = [...limits, ...serve] as [string, ...string[]];
    this.#data = data;
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.exited = once(this.#child, "close").then(([code]) => code as number | null);
  }

  /** Resolves when it is ready, on a free port of 127.0.0.1. */
  static async start(options: ServeOptions): Promise<ServeProcess> {
    const serve = new ServeProcess(options);
    const lines = createInterface({ input: serve.#child.stdout });
    const ended = serve.exited.then((code) => Promise.reject(new Error(`exit ${code}: ${serve.stderr}`)));
    await Promise.race([once(lines, "line"), ended]);
    lines.close();
    serve.#child.stdout.resume();
    return serve;
  }

  get url(): string {
    return /^skein api ready at (\S+)$/m.exec(this.stdout)![1]!;
  }

  /** The workerd that runs now; undefined between two. */
  get workerd(): number | undefined {
    const { pid } = this.#child;
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    return child ? Number(child) : undefined;
  }

  /** A request as the admin. */
  call(method: string, path: string, body?: unknown): Promise<Response> {
    const token = readFileSync(join(this.#data, "admin-token"), "utf8").trim();
    return fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Resolves when a workerd other than `before` answers. */
  async back(before: number, timeout?: number): Promise<void> {
    const answers = () =>
      fetch(`${this.url}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await vi.waitUntil(async () => ![undefined, before].includes(this.workerd) && (await answers()), {
      ...(timeout === undefined ? {} : { timeout }),
      interval: 20,
    });
  }

  /** Resolves when this text is on its stderr. */
  said(text: string): Promise<void> {
    return vi.waitFor(() => expect(this.stderr).toContain(text), { interval: 10 });
  }

  /** Resolves with its exit code. */
  end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.#child.kill(signal);
    return this.exited;
  }
}
