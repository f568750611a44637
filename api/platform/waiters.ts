/** Requests that wait for a condition of their object: in memory only, at most for the time they ask for. */

export class Waiters {
  readonly #waiting = new Set<{ over: () => boolean; resolve: () => void }>();

  /** Resolves when `over` holds, at the latest after `seconds`. */
  async wait(over: () => boolean, seconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { over, resolve };
    this.#waiting.add(waiter);
    const timer = setTimeout(resolve, seconds * 1000);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(waiter);
  }

  /** Call after each change. */
  check(): void {
    for (const { over, resolve } of this.#waiting) if (over()) resolve();
  }
}
