/** Keeps the API's picture of this node right: measures now and then and when something hints at a change, and tells what changed. */
import { setInterval } from "node:timers/promises";
import type { About } from "./facts.ts";

/** Routes change without a word to us. */
const EVERY_MS = 60_000;
/** How long a subnet counts as used that the engine refused: it may keep networks that it does not list, until somebody mends it. */
const REFUSED_MS = 10 * 60_000;
/** Docker makes several events of one change, and most are of our own sessions' networks, which have no time to lose. */
const SETTLE_MS = 2_000;

export class FactsTeller {
  readonly #measure: (refused: readonly string[]) => Promise<About>;
  readonly #tell: (about: About) => void;
  /** Subnets, and until when (ms of the monotonic clock). */
  readonly #refused = new Map<string, number>();
  #told = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(measure: (refused: readonly string[]) => Promise<About>, tell: (about: About) => void) {
    this.#measure = measure;
    this.#tell = tell;
  }

  /** For hello: what it says needs no telling after that. */
  async measure(): Promise<About> {
    const about = await this.#look();
    this.#told = JSON.stringify(about);
    return about;
  }

  /** Measures, and tells it if it is news. */
  async refresh(): Promise<void> {
    const about = await this.#look();
    const text = JSON.stringify(about);
    if (text === this.#told) return;
    this.#told = text;
    this.#tell(about);
  }

  /** The engine makes no network there, whatever is to be seen. For the next look. */
  refused(subnet: string): void {
    this.#refused.set(subnet, performance.now() + REFUSED_MS);
  }

  #look(): Promise<About> {
    for (const [subnet, until] of this.#refused) if (performance.now() > until) this.#refused.delete(subnet);
    return this.#measure([...this.#refused.keys()]);
  }

  soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // The next look will do, should this one fail.
      this.refresh().catch(() => {});
    }, SETTLE_MS).unref();
  }

  /** Looks every minute until the signal. */
  async watch(signal: AbortSignal): Promise<void> {
    try {
      for await (const _ of setInterval(EVERY_MS, undefined, { signal, ref: false })) {
        await this.refresh().catch(() => {});
      }
    } catch {
      // The signal.
    }
  }
}
