/**
 * One reader of an object's events: gives the next piece of its stream whenever it is asked. It holds a number and reads what follows from
 * the table, so a slow reader makes no queue grow.
 */
import type { Waiters } from "../platform/waiters.ts";
import type { EventTable } from "./event-table.ts";
import type { ProgressBoard } from "./progress-board.ts";

/** What the streams of an object read from. */
export interface EventSource {
  readonly table: EventTable;
  readonly progress?: ProgressBoard;
  /** Nothing more will come, except what is stored already. */
  isOver(): boolean;
}

/** A comment goes out after so long a silence: proxies and clients see that the stream is alive. */
const PING_MS = 15_000;
/** Each container's progress is told once in that time. */
const PROGRESS_MS = 1000;
/** What is read from the table at a time. */
const PIECE_EVENTS = 500;
const PIECE_CHARS = 64 * 1024;

export class EventReader {
  readonly #storage: DurableObjectStorage;
  readonly #source: EventSource;
  readonly #waiters: Waiters;
  /** Number of the last event that it gave. */
  #cursor: number;
  /** Number of the last progress that it gave, and when, in ms since 1970. */
  #progress = 0;
  #progressAt = 0;
  #spokeAt = 0;
  #stopped = false;

  constructor(storage: DurableObjectStorage, source: EventSource, waiters: Waiters, cursor: number) {
    this.#storage = storage;
    this.#source = source;
    this.#waiters = waiters;
    this.#cursor = cursor;
  }

  /** Ends the stream, whatever is left. */
  stop(): void {
    this.#stopped = true;
    this.#waiters.check();
  }

  /** Waits for the next piece of the stream, as text. Undefined: the stream ends. */
  async next(): Promise<string | undefined> {
    for (;;) {
      if (this.#stopped) return undefined;
      const piece = this.#events() || this.#dueProgress() || this.#duePing();
      // An event that a crash could still take back must not be seen: its number would be given again.
      if (piece !== "") {
        await this.#storage.sync();
        this.#spokeAt = Date.now();
        return piece;
      }
      if (this.#source.isOver()) return undefined;
      await this.#untilNews();
    }
  }

  #events(): string {
    const rows = this.#source.table.after(this.#cursor, PIECE_EVENTS, PIECE_CHARS);
    this.#cursor = rows.at(-1)?.seq ?? this.#cursor;
    return rows.map(({ seq, kind, data }) => `id: ${seq}\nevent: ${kind}\ndata: ${data}\n\n`).join("");
  }

  #dueProgress(): string {
    const { progress } = this.#source;
    if (!progress || this.#progressIn() > 0) return "";
    const entries = progress.after(this.#progress);
    this.#progress = progress.last;
    this.#progressAt = Date.now();
    return entries.map((data) => `event: progress\ndata: ${JSON.stringify(data)}\n\n`).join("");
  }

  #duePing(): string {
    return this.#source.isOver() || this.#pingIn() > 0 ? "" : ": ping\n\n";
  }

  async #untilNews(): Promise<void> {
    const progressIn = this.#progressIn();
    const news = () => {
      if (this.#stopped || this.#source.isOver() || this.#source.table.last() > this.#cursor) return true;
      return progressIn === Number.POSITIVE_INFINITY && this.#progressIn() < progressIn;
    };
    await this.#waiters.wait(news, Math.min(progressIn, this.#pingIn()) / 1000);
  }

  /** Milliseconds until it may give the progress that waits; infinite if none waits. */
  #progressIn(): number {
    const { progress } = this.#source;
    if (!progress || progress.last <= this.#progress) return Number.POSITIVE_INFINITY;
    return this.#progressAt + PROGRESS_MS - Date.now();
  }

  #pingIn(): number {
    return this.#spokeAt + PING_MS - Date.now();
  }
}
