/** A simulator (simulator.ts) as its parent sees it: calls, and the end. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Answer, Call, CallName, Order, Reply } from "./calls.ts";

const PROGRAM = join(import.meta.dirname, "simulator.ts");

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export class SimulatorProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor(server: { url: string; token: string }) {
    this.#child = fork(PROGRAM, [server.url, server.token], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (reply: Reply) => this.#take(reply));
    this.#child.on("exit", (code, signal) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`a simulator ended with ${signal ?? `exit code ${code}`}`));
      }
      this.#waiting.clear();
    });
  }

  /** @throws Error with the simulator's message, or if it is gone */
  ask<N extends CallName>(name: N, order: Order<N>): Promise<Answer<N>> {
    const call: Call<N> = { id: this.#calls++, name, order };
    return new Promise((resolve, reject) => {
      this.#waiting.set(call.id, { resolve: resolve as (answer: unknown) => void, reject });
      this.#child.send(call, (error) => error && reject(error));
    });
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  #take(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("error" in reply) waiting?.reject(new Error(reply.error));
    else waiting?.resolve(reply.answer);
  }
}
