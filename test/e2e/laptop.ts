/** A user's laptop: a home of its own on the lab's client machine, with the user's OpenSSH, logged in to the cluster's API. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { exitStatus } from "../lab/exit-status.ts";
import { cluster } from "./skein.ts";

const LAUNCHER = join(import.meta.dirname, "../../skein");

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export class Laptop {
  readonly home = mkdtempSync(join(tmpdir(), "skein-laptop-"));
  readonly #children = new Set<ChildProcess>();

  /** A laptop that is logged in, with the admin's token unless told. */
  static async of(token?: string): Promise<Laptop> {
    const laptop = new Laptop();
    const { api } = await cluster();
    const { code, stderr } = await laptop.skein(["login", api.url, "--name", "lab"], token ?? api.token);
    if (code !== 0) throw new Error(stderr);
    return laptop;
  }

  path(...names: string[]): string {
    return join(this.home, ...names);
  }

  /** Starts a program that finds nothing of the machine's own user. */
  start(argv: readonly string[]): ChildProcess {
    const { SSH_AUTH_SOCK: _, SKEIN_API: __, SKEIN_TOKEN: ___, XDG_CONFIG_HOME: ____, ...own } = process.env;
    const child = spawn(argv[0]!, argv.slice(1), {
      env: { ...own, HOME: this.home },
      cwd: this.home,
      stdio: "pipe",
    });
    child.stdin!.on("error", () => {});
    this.#children.add(child);
    child.once("close", () => this.#children.delete(child));
    return child;
  }

  /** Runs a program to its end. */
  async run(argv: readonly string[], input = ""): Promise<Ran> {
    return await outcome(this.start(argv), input);
  }

  async skein(args: readonly string[], input = ""): Promise<Ran> {
    return await this.run([LAUNCHER, ...args], input);
  }

  close(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    rmSync(this.home, { recursive: true });
  }
}

/** Resolves once it has ended and all its output was read. */
export async function outcome(child: ChildProcess, input = ""): Promise<Ran> {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, "close"),
    child.stdin!.end(input),
  ]);
  return { code: exitStatus(code as number | null, signal as NodeJS.Signals | null), stdout, stderr };
}
