/** A machine on the lab's LAN: a network namespace with an address, in which programs can be run. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { capture, type Result, type RunOptions } from "./command.ts";
import { netnsPath, plugIn, setCable, unplug } from "./lan.ts";

export interface SpawnOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Gets stdout and stderr, added to its end; without it, both are pipes. */
  logFile?: string;
}

export class LabMachine {
  readonly name: string;
  /** Its IPv4 address on the LAN, without prefix length. */
  readonly address: string;
  /** Path of its network namespace. */
  readonly netns: string;
  /** A directory of its own, for state and logs; kept after the lab's end until the next lab takes its place. */
  readonly dir: string;
  readonly #children = new Set<ChildProcess>();

  constructor(name: string, address: string, labDir: string) {
    this.name = name;
    this.address = address;
    this.netns = netnsPath(name);
    this.dir = join(labDir, name);
    mkdirSync(this.dir, { recursive: true });
  }

  /** Joins it to the LAN. `mtu` in bytes. */
  async plugIn(mtu: number): Promise<void> {
    await plugIn(this.name, this.address, mtu);
  }

  /** Starts a program on this machine; it is ended, at the latest, when the lab closes. */
  spawn(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const output = options.logFile === undefined ? "pipe" : openSync(options.logFile, "a");
    const child = spawn("nsenter", [`--net=${this.netns}`, "--", ...argv], {
      stdio: ["pipe", output, output],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    if (typeof output === "number") closeSync(output);
    this.#children.add(child);
    child.on("exit", () => this.#children.delete(child));
    child.on("error", () => this.#children.delete(child));
    return child;
  }

  /** Runs a program on this machine to its end and says how it went. Rejects after `timeout` ms, if given. */
  async exec(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
    return capture(["nsenter", `--net=${this.netns}`, "--", ...argv], options);
  }

  /** Pulls the cable: no carrier, no packet. */
  async linkDown(): Promise<void> {
    await setCable(this.address, "down");
  }

  async linkUp(): Promise<void> {
    await setCable(this.address, "up");
  }

  /** Ends the programs that `spawn` started: SIGTERM, and SIGKILL for those that run on for five seconds more. */
  async endChildren(): Promise<void> {
    await Promise.all(
      [...this.#children].map(async (child) => {
        const gone = once(child, "exit");
        const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
        child.kill("SIGTERM");
        await gone;
        clearTimeout(timer);
      }),
    );
  }

  /** Takes it from the LAN, and its network namespace away. */
  async unplug(): Promise<void> {
    await unplug(this.name, this.address);
  }
}
