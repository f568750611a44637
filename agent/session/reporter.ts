/** When a report goes out: what matters at once, mere progress at most a few times a second. */

const PROGRESS_MS = 250;

export class Reporter {
  readonly #send: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: () => void) {
    this.#send = send;
  }

  now(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#send();
  }

  /** Some time soon, with all that has changed until then. */
  soon(): void {
    this.#timer ??= setTimeout(() => this.now(), PROGRESS_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
