/** A loop of steps until none is left. It pauses after failures, and aborts a step when something else is wanted. */
import { setTimeout as delay } from "node:timers/promises";
import { backoff } from "../backoff.ts";

/** What the loop needs. Only `perform` may reject. */
export interface Work<Step> {
  /** The next step, as of now; undefined when there is none. */
  next(): Step | undefined;
  /** Rejects when the step failed, or when the signal aborted it. */
  perform(step: Step, signal: AbortSignal): Promise<void>;
  /** A step failed. */
  failed(error: Error): Promise<void>;
}

/** The reason for aborting a step because something else is wanted. */
const SUPERSEDED = new Error("superseded");

export class Convergence<Step> {
  readonly #work: Work<Step>;
  #working = false;
  /** For the running step. */
  #step: AbortController | undefined;
  /** For the running pause. */
  #pause: AbortController | undefined;

  constructor(work: Work<Step>) {
    this.#work = work;
  }

  /** Starts the loop, unless it is running. */
  start(): void {
    if (this.#working) return;
    this.#working = true;
    void this.#converge();
  }

  /** Something else is wanted: aborts the running step or pause, and goes on with the next step. */
  supersede(): void {
    this.#step?.abort(SUPERSEDED);
    this.#pause?.abort();
    this.start();
  }

  /** Aborts the running step, which then fails with this error. False when no step is running. */
  breakOff(error: Error): boolean {
    this.#step?.abort(error);
    return this.#step !== undefined;
  }

  async #converge(): Promise<void> {
    let failures = 0;
    for (let step = this.#work.next(); step !== undefined; step = this.#work.next()) {
      if (await this.#perform(step)) continue;
      // After a failure there is a next step only where giving up is not allowed. The pauses grow.
      if (this.#work.next() !== undefined) await this.#rest(failures++);
    }
    // In the same turn as the last call of `next`, so that `start` cannot be missed in between.
    this.#working = false;
  }

  /** True when the next step may follow at once. */
  async #perform(step: Step): Promise<boolean> {
    const breaking = new AbortController();
    this.#step = breaking;
    try {
      await this.#work.perform(step, breaking.signal);
      return true;
    } catch (error) {
      if (error === SUPERSEDED) return true;
      await this.#work.failed(error as Error);
      return false;
    } finally {
      this.#step = undefined;
    }
  }

  async #rest(failures: number): Promise<void> {
    this.#pause = new AbortController();
    const { signal } = this.#pause;
    await delay(backoff(failures, Math.random()), undefined, { signal }).catch(() => {});
    this.#pause = undefined;
  }
}
