/** How far the pulls of a session's images are, in memory only: the newest of each container. */
import type { ContainerChanged } from "../../shared/session/event-schemas.ts";

export class ProgressBoard {
  /** In the order of their numbers. */
  readonly #entries = new Map<string, { number: number; data: ContainerChanged }>();
  #last = 0;

  /** Number of the newest entry. */
  get last(): number {
    return this.#last;
  }

  put(data: ContainerChanged): void {
    this.#entries.delete(data.host);
    this.#entries.set(data.host, { number: ++this.#last, data });
  }

  /** The container's pull is over. */
  drop(host: string): void {
    this.#entries.delete(host);
  }

  /** Entries after that number; at most one for each container. */
  after(number: number): ContainerChanged[] {
    return [...this.#entries.values()].filter((entry) => entry.number > number).map(({ data }) => data);
  }
}
