/**
 * Merges the stored outputs of several containers by time. What was there comes in order. After that, records come as they arrive: a
 * container that is silent must not hold up the others.
 */
import { type LogRecord, recordBytes } from "../../shared/streams/log-records.ts";
import { LogReader, type ReadOptions } from "./log-reader.ts";
import type { StoredLog } from "./stored-log.ts";
import type { StoredRecord } from "./stored-records.ts";

/** All readers together hold about so many bytes. */
const READ_BYTES = 2 * 1024 * 1024;
const MOST_CHUNK = 256 * 1024;
const LEAST_CHUNK = 16 * 1024;
/** Given at a time, unless there is less. */
const BATCH_BYTES = 64 * 1024;

export interface MergeSource {
  /** Index in the request's `hosts`. */
  place: number;
  log: StoredLog;
}

class Source {
  readonly place: number;
  readonly log: StoredLog;
  readonly #reader: LogReader;
  #records: StoredRecord[] = [];
  #at = 0;
  /** It may have more to read. */
  hasNews = true;
  /** The trouble that was told last. */
  #told: string | undefined;

  constructor({ place, log }: MergeSource, options: ReadOptions) {
    this.place = place;
    this.log = log;
    this.#reader = new LogReader(log, options);
  }

  get head(): StoredRecord | undefined {
    return this.#records[this.#at];
  }

  shift(): LogRecord {
    const record = this.#records[this.#at++]!;
    return { ...record, place: this.place };
  }

  /** Reads on, where all that was read is gone. */
  async fill(): Promise<void> {
    if (this.head || !this.hasNews) return;
    // Before the read: what changes meanwhile is news again.
    this.hasNews = false;
    [this.#records, this.#at] = [await this.#reader.read(), 0];
    if (this.#records.length > 0) this.hasNews = true;
    else this.#records = this.#trouble();
  }

  /** A notice while nothing can be stored. It is not stored itself, so it takes no time of its own. */
  #trouble(): StoredRecord[] {
    const { trouble } = this.log;
    const isNew = trouble !== undefined && trouble !== this.#told;
    this.#told = trouble;
    const time = BigInt(Date.now()) * 1_000_000n;
    return isNew ? [{ stream: "notice", time, partial: false, bytes: Buffer.from(trouble) }] : [];
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}

export interface MergeOptions extends Omit<ReadOptions, "chunk"> {
  follow: boolean;
  signal: AbortSignal;
  /** All that was there has been given. */
  onLive(): void;
}

/**
 * Records in batches. Ends with what is there; with `follow`, when all logs are closed. The bytes stay valid.
 */
export async function* merge(
  wanted: readonly MergeSource[],
  { follow, signal, onLive, ...options }: MergeOptions,
): AsyncGenerator<LogRecord[]> {
  const chunk = Math.max(LEAST_CHUNK, Math.min(MOST_CHUNK, Math.floor(READ_BYTES / wanted.length)));
  const sources = wanted.map((source) => new Source(source, { ...options, chunk }));
  let bell = Promise.withResolvers<void>();
  const ring = () => bell.resolve();
  const quiet = sources.map((source) =>
    source.log.onChange(() => {
      source.hasNews = true;
      ring();
    }),
  );
  signal.addEventListener("abort", ring);
  try {
    let [isLive, ready, size]: [boolean, LogRecord[], number] = [false, [], 0];
    while (!signal.aborted) {
      bell = Promise.withResolvers<void>();
      const isOver = sources.map(({ log }) => log.closed);
      await Promise.all(sources.map((source) => source.fill()));
      const records = inOrder(sources, isLive);
      for (const record of records) {
        ready.push(record);
        size += recordBytes(record);
      }
      if (size >= BATCH_BYTES || (records.length === 0 && size > 0)) {
        yield ready;
        [ready, size] = [[], 0];
      }
      if (records.length > 0) continue;
      if (sources.some(({ hasNews }) => hasNews)) continue;
      if (!isLive) onLive();
      isLive = true;
      if (!follow || isOver.every(Boolean)) return;
      await bell.promise;
    }
  } finally {
    signal.removeEventListener("abort", ring);
    for (const leave of quiet) leave();
    await Promise.all(sources.map((source) => source.close()));
  }
}

/** Records in order of time, until one of the sources that had some has to be read on. `isLive`: all that they have. */
function inOrder(sources: readonly Source[], isLive: boolean): LogRecord[] {
  const ready = sources.filter(({ head }) => head !== undefined);
  const records: LogRecord[] = [];
  while (ready.length > 0) {
    let first = ready[0]!;
    for (const each of ready) if (each.head!.time < first.head!.time) first = each;
    records.push(first.shift());
    if (first.head) continue;
    // Its next record may be older than the heads of the others.
    if (!isLive) break;
    ready.splice(ready.indexOf(first), 1);
  }
  return records;
}
