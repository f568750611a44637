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

interface Wanted {
  /** On performance's clock. */
  at: number;
  over: Promise<void>;
}

export class Tunnels {
  readonly #options: TunnelsOptions;
  readonly #signal: AbortSignal;
  readonly #open = new Map<string, Wanted>();
  /** Streams of closed tunnels that are still served. */
  readonly #served = new Set<Promise<unknown>>();

  constructor(options: TunnelsOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Opens the session's tunnel, unless it is open or being dialled. If it closes soon after, it is opened again. */
  want(session: string): void {
    const at = performance.now();
    const known = this.#open.get(session);
    if (known) {
      known.at = at;
      return;
    }
    const wanted: Wanted = { at, over: Promise.resolve() };
    this.#open.set(session, wanted);
    wanted.over = this.#run(session, wanted).finally(() => this.#open.delete(session));
  }

  /** Resolves when all tunnels are closed and their streams served. Call it after the signal. */
  async closed(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ over }) => over));
    await Promise.all(this.#served);
  }

  async #run(session: string, wanted: Wanted): Promise<void> {
    const { serverOf, log, ...options } = this.#options;
    for (let failures = 0; ; failures++) {
      const { reason, opened, stop, served } = await tunnel(
        { ...options, session, serve: serverOf(session) },
        this.#signal,
      );
      this.#served.add(served);
      void served.finally(() => this.#served.delete(served));
      log.debug({ session, reason }, "tunnel closed");
      if (opened) failures = 0;
      // The API asks again when somebody needs it. It may have asked just before it closed this one.
      if (stop || this.#signal.aborted || performance.now() > wanted.at + PATIENCE_MS) return;
      await delay(backoff(failures, Math.random()), undefined, { signal: this.#signal }).catch(() => {});
    }
  }
}
