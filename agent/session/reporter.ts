/** Decides when a report is sent: a change of state at once, progress at most four times a second. */

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

  /** Within PROGRESS_MS, with everything that has changed until then. */
  soon(): void {
    this.#timer ??= setTimeout(() => this.now(), PROGRESS_MS);
  }
}
