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
  /** File to append stdout and stderr to; without it, both are pipes. */
  logFile?: string;
}

export class LabMachine {
  readonly name: string;
  /** Its IPv4 address on the LAN, without prefix length. */
  readonly address: string;
  /** Path of its network namespace. */
  readonly netns: string;
  /** Its own directory, for state and logs; kept after the lab's end until the next lab replaces it. */
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

  /** Starts a program on this machine, which ends at the latest when the lab closes. */
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

  /** Runs a program on this machine to its end, and returns the result. Rejects after `timeout` ms, if given. */
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

  /** Ends the programs that `spawn` started: SIGTERM, then SIGKILL for those that still run five seconds later. */
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

  /** Takes it off the LAN, and removes its network namespace. */
  async unplug(): Promise<void> {
    await unplug(this.name, this.address);
  }
}
