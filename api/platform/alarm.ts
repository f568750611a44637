/**
 * An object's alarm, set as seldom as possible: setting or clearing one is a durable write, while an early alarm costs only a call. So an
 * alarm that rings before it is needed stays as it is.
 */
export class Alarm {
  readonly #storage: DurableObjectStorage;
  /** When it rings, ms since 1970; undefined: not known since this object woke. */
  #at: number | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Makes it ring at `due` or before. In the turn of a change it is part of the same commit. */
  ringBy(due: number): void {
    if (this.#at !== undefined && this.#at <= due) return;
    this.#at = due;
    void this.#storage.setAlarm(due);
  }

  /** Call when it rings. Code that still needs it sets it again. */
  rang(): void {
    this.#at = undefined;
  }
}
