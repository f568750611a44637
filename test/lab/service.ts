/** A part of Skein on a machine of the lab, started as users do: `./skein …`. Tests can kill and restart it. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { exitStatus } from "./exit-status.ts";
import type { LabMachine } from "./machine.ts";

/** This checkout. */
const ROOT = join(import.meta.dirname, "../..");

export interface ServiceOptions {
  machine: LabMachine;
  /** Name of its log, unique on the machine. */
  name: string;
  /** Arguments for the launcher. */
  args: readonly string[];
  /** A text in its log once it is up. */
  ready: RegExp;
  /** The checkout that it is run from; this one unless told. */
  checkout?: string | undefined;
}

export class Service {
  readonly name: string;
  readonly logFile: string;
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<number> | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.name = options.name;
    this.logFile = join(options.machine.dir, `${options.name}.log`);
  }

  /** Resolves with the exit status of the latest start when it is gone. */
  get exited(): Promise<number> {
    if (this.#exited === undefined) throw new Error(`${this.name} was never started`);
    return this.#exited;
  }

  /** Starts it, and resolves when it is up. */
  async start(): Promise<void> {
    const { machine, args, ready, checkout = ROOT } = this.#options;
    const before = existsSync(this.logFile) ? statSync(this.logFile).size : 0;
    const child = machine.spawn([join(checkout, "skein"), ...args], { logFile: this.logFile });
    this.#child = child;
    this.#exited = once(child, "exit").then(([code, signal]) => {
      this.#child = undefined;
      return exitStatus(code, signal);
    });
    for (;;) {
      if (ready.test(this.log(before))) return;
      if (this.#child === undefined) {
        throw new Error(
          `${this.name} on ${machine.name} ended with ${await this.exited}:\n${this.log(before)}`,
        );
      }
      await pause(10);
    }
  }

  /** Ends it if it runs, and resolves when it is gone. */
  async kill(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#child?.kill(signal);
    await this.#exited;
  }

  /** Sends it a signal that does not end it, like SIGSTOP. Does nothing if it does not run. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it if it runs, and starts it again with the same arguments. */
  async restart(signal?: NodeJS.Signals): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  /** Its output on stdout and stderr, from a byte on. */
  log(from = 0): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile).subarray(from).toString() : "";
  }
}
