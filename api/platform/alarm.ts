/**
 * An object's alarm, set as seldom as will do: setting or clearing one is a durable write of its own, while one that
 * rings early, or for nothing, only costs a look. So an alarm that rings before it is needed is left as it is.
 */
export class Alarm {
  readonly #storage: DurableObjectStorage;
  /** When it rings, ms since 1970; undefined: not known since this object woke. */
  #at: number | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Sees to it that it rings at `due` or before. In the turn of a change it is part of the same commit. */
  ringBy(due: number): void {
    if (this.#at !== undefined && this.#at <= due) return;
    this.#at = due;
    void this.#storage.setAlarm(due);
  }

  /** Call when it rings: who still needs it sets it again. */
  rang(): void {
    this.#at = undefined;
  }
}
