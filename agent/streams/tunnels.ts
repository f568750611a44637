/** The tunnels of this node: one for each session whose containers somebody reaches, as long as the API keeps it. */
import { setTimeout as delay } from "node:timers/promises";
import { backoff } from "../backoff.ts";
import type { Log } from "../log.ts";
import { type TunnelOptions, tunnel } from "./tunnel.ts";

export interface TunnelsOptions extends Omit<TunnelOptions, "session" | "serve"> {
  /** What serves the streams of a session's containers. */
  serverOf(session: string): TunnelOptions["serve"];
  log: Log;
}

/** The API waits so long for a tunnel that it asked for. */
const PATIENCE_MS = 10_000;

export class Tunnels {
  readonly #options: TunnelsOptions;
  readonly #signal: AbortSignal;
  readonly #open = new Map<string, Promise<void>>();

  constructor(options: TunnelsOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Opens the session's tunnel, unless it is open or being dialled. */
  want(session: string): void {
    if (this.#open.has(session)) return;
    const run = this.#run(session).finally(() => this.#open.delete(session));
    this.#open.set(session, run);
  }

  /** Resolves when all tunnels are closed and their streams served. Call it after the signal. */
  async closed(): Promise<void> {
    await Promise.all(this.#open.values());
  }

  async #run(session: string): Promise<void> {
    const { serverOf, log, ...options } = this.#options;
    const until = performance.now() + PATIENCE_MS;
    for (let failures = 0; ; failures++) {
      const { reason, opened, stop } = await tunnel(
        { ...options, session, serve: serverOf(session) },
        this.#signal,
      );
      log.debug({ session, reason }, "tunnel closed");
      // The API asks again when somebody needs it.
      if (opened || stop || this.#signal.aborted || performance.now() > until) return;
      await delay(backoff(failures, Math.random()), undefined, { signal: this.#signal }).catch(() => {});
    }
  }
}
