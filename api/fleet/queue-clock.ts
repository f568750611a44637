/**
 * How often the queue runs. Thousands of nodes may come back within seconds, and one round costs O(demands × nodes). So changes wait for
 * the next round, and a longer pause follows an expensive round.
 */

/** Shortest pause between two rounds. */
const PAUSE_MS = 200;
/** Pause per demand and node that a round evaluated. Evaluating takes about a tenth of that, so the queue takes about a tenth of a core. */
const PAUSE_PER_LOOK_MS = 0.005;
const LONGEST_PAUSE_MS = 5_000;

export class QueueClock {
  #wanted = false;
  #due = 0;

  /** When the next round may run, ms since 1970. */
  get due(): number {
    return this.#due;
  }

  get isWanted(): boolean {
    return this.#wanted;
  }

  isDue(now: number): boolean {
    return now >= this.#due;
  }

  /** Requests a round. */
  want(): void {
    this.#wanted = true;
  }

  /** Drops the request for a round. */
  rest(): void {
    this.#wanted = false;
  }

  /** A round ran. `looks`: demands × nodes that it evaluated. */
  ran(now: number, looks: number): void {
    this.#wanted = false;
    this.#due = now + Math.min(LONGEST_PAUSE_MS, Math.max(PAUSE_MS, looks * PAUSE_PER_LOOK_MS));
  }
}
