/** Keeps many links alive with one timer. A real agent has two timers, but thousands of timers cost more than their pings. */
import { CONSTANTS } from "../../shared/settings/constants.ts";

export interface KeptAlive {
  /** Time of the last frame, on performance's clock. */
  readonly heardAt: number;
  ping(): void;
  /** Ends the link without a close frame. */
  cut(): void;
}

const TICK_MS = 100;
const TICKS_PER_SECOND = 1000 / TICK_MS;

/** A timer wheel: one slot per tick of `pingSeconds`. Each tick is O(links / slots), and O(links) per second for the silent ones. */
export class PingWheel {
  readonly #slots: Set<KeptAlive>[];
  #at = 0;

  constructor(ticks = CONSTANTS.pingSeconds * TICKS_PER_SECOND) {
    this.#slots = Array.from({ length: ticks }, () => new Set());
  }

  /** Its first ping comes a whole turn from now. The returned function removes it. */
  add(link: KeptAlive): () => void {
    const slot = this.#slots[this.#at]!;
    slot.add(link);
    return () => slot.delete(link);
  }

  /** Pings the links whose turn it is, and cuts those that were silent for `linkDeadSeconds`. */
  tick(now: number): void {
    this.#at = (this.#at + 1) % this.#slots.length;
    for (const link of this.#slots[this.#at]!) link.ping();
    for (let i = this.#at % TICKS_PER_SECOND; i < this.#slots.length; i += TICKS_PER_SECOND) {
      for (const link of this.#slots[i]!) {
        if (now - link.heardAt > CONSTANTS.linkDeadSeconds * 1000) link.cut();
      }
    }
  }
}

let wheel: PingWheel | undefined;

/** Pings it as an agent does. The returned function ends that. */
export function keepAlive(link: KeptAlive): () => void {
  wheel ??= turning();
  return wheel.add(link);
}

function turning(): PingWheel {
  const started = new PingWheel();
  setInterval(() => started.tick(performance.now()), TICK_MS).unref();
  return started;
}
