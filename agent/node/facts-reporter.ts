/** Keeps the API's facts about this node up to date: measures every minute and after hints of a change, and sends what changed. */
import { setInterval } from "node:timers/promises";
import type { Refused } from "../network/network-facts.ts";
import type { About, RefusedByMachine } from "./facts.ts";

/** Nothing tells the agent when routes change. */
const EVERY_MS = 60_000;
/** How long a refused subnet or VNI counts as used. For example, Docker may hold networks that it does not list. */
const REFUSED_MS = 10 * 60_000;
/** Docker sends several events for one change. Most are of our own sessions' networks, whose start must not be slowed down. */
const SETTLE_MS = 2_000;

export class FactsReporter {
  readonly #measure: (refused: RefusedByMachine) => Promise<About>;
  readonly #send: (about: About) => void;
  /** By its text; `until` in ms of the monotonic clock. */
  readonly #refused = new Map<string, { what: Refused; until: number }>();
  #sent = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(measure: (refused: RefusedByMachine) => Promise<About>, send: (about: About) => void) {
    this.#measure = measure;
    this.#send = send;
  }

  /** For `hello`. The next refresh sends only what changed since. */
  async measure(): Promise<About> {
    const about = await this.#look();
    this.#sent = JSON.stringify(about);
    return about;
  }

  /** Measures, and sends the facts if they changed. */
  async refresh(): Promise<void> {
    const about = await this.#look();
    const text = JSON.stringify(about);
    if (text === this.#sent) return;
    this.#sent = text;
    this.#send(about);
  }

  /** Something refused this to a session, so it counts as used from the next measurement on. */
  refused(what: Refused): void {
    this.#refused.set(JSON.stringify(what), { what, until: performance.now() + REFUSED_MS });
  }

  #look(): Promise<About> {
    for (const [text, { until }] of this.#refused) if (performance.now() > until) this.#refused.delete(text);
    const all = [...this.#refused.values()].map(({ what }) => what);
    return this.#measure({
      subnets: all.flatMap((what) => ("subnet" in what ? what.subnet : [])),
      vnis: all.flatMap((what) => ("vni" in what ? what : [])),
    });
  }

  soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // If this fails, the next measurement is in a minute.
      this.refresh().catch(() => {});
    }, SETTLE_MS).unref();
  }

  /** Measures every minute until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    try {
      for await (const _ of setInterval(EVERY_MS, undefined, { signal, ref: false })) {
        await this.refresh().catch(() => {});
      }
    } catch {
      // The signal aborted.
    }
  }
}
