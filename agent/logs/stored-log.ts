/**
 * The stored output of one container: records in segments, of which the oldest go when there is too much. A segment is a file named
 * `HOST.TIME`, with the time of its first record. One writer; readers follow it.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { type OutputBatch, OutputPlace } from "../docker/output.ts";
import { recover } from "./recover.ts";
import { type Segment, segmentName } from "./segments.ts";
import { encodeHead, outputBytes, RecordBuffer, type StoredRecord } from "./stored-records.ts";

/** A log has about so many segments: so much of it goes at a time. */
const SEGMENTS = 8;

/** Encoded records: the times of the first and the last, and their bytes of output. */
interface Records {
  bytes: Buffer;
  first: bigint;
  last: bigint;
  written: number;
}

export interface StoredLogOptions {
  dir: string;
  host: string;
  /** Most bytes on the disk. */
  bytes: number;
  /** Ordered by time. */
  segments: Segment[];
  /** No more output will come. */
  closed?: boolean;
  /** It takes so many bytes more on the disk, or fewer. */
  onSize?: (more: number) => void;
}

export class StoredLog {
  readonly host: string;
  readonly segments: Segment[];
  readonly #dir: string;
  readonly #bytes: number;
  readonly #onSize: (more: number) => void;
  readonly #listeners = new Set<() => void>();
  #file: FileHandle | undefined;
  #isNew = true;
  #container = "";
  #place = new OutputPlace();
  #written = 0;
  #lastTime = 0n;
  /** One write at a time. */
  #order: Promise<unknown> = Promise.resolve();
  #closed: boolean;
  /** Why nothing can be stored at present. */
  #trouble: string | undefined;

  constructor({ dir, host, bytes, segments, closed = false, onSize = () => {} }: StoredLogOptions) {
    this.#dir = dir;
    this.host = host;
    this.#bytes = bytes;
    this.segments = segments;
    this.#closed = closed;
    this.#onSize = onSize;
  }

  /** Bytes on the disk. */
  get size(): number {
    return this.segments.reduce((sum, { size }) => sum + size, 0);
  }

  /** Bytes of output so far, newlines included. Known once it is written to. */
  get written(): number {
    return this.#written;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get trouble(): string | undefined {
    return this.#trouble;
  }

  set trouble(why: string | undefined) {
    this.#trouble = why;
    this.#tell();
  }

  /** Prepares for output of a container, and resolves to the place to go on at. Undefined: at its beginning. */
  async begin(container: string): Promise<OutputPlace | undefined> {
    return await this.#inOrder(async () => {
      this.#closed = false;
      await this.#recover();
      if (this.#container === container) return this.#place;
      await this.#endSegment();
      [this.#container, this.#place] = [container, new OutputPlace()];
      return undefined;
    });
  }

  /** Stores a batch. `now`: ns since 1970. Repeat it after an error: nothing of it is stored then. */
  async append({ entries, fresh }: Pick<OutputBatch, "entries" | "fresh">, now: bigint): Promise<void> {
    await this.#inOrder(async () => {
      await this.#recover();
      const bytes = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
      const records = new RecordBuffer(entries.length, bytes);
      let [first, last, written] = [0n, this.#lastTime, 0];
      for (const { stream, time, ordinal, partial, bytes: line } of entries) {
        // All parts of a line have its first time. A progress bar is one line for hours: its parts get the time at which they come.
        const said = fresh && ordinal > 1 && now > time ? now : time;
        last = said > last ? said : last + 1n;
        if (first === 0n) first = last;
        const record: StoredRecord = { stream, time: last, partial, bytes: line };
        records.add(record, time);
        written += outputBytes(record);
      }
      if (entries.length > 0) await this.#write({ bytes: records.bytes, first, last, written });
      for (const entry of entries) this.#place.note(entry);
    });
  }

  /** A line of our own, at this time or later. */
  async notice(text: string, time: bigint): Promise<void> {
    await this.#inOrder(async () => {
      await this.#recover();
      const later = time > this.#lastTime ? time : this.#lastTime + 1n;
      const line = Buffer.from(text);
      const record = new RecordBuffer(1, line.length);
      record.add({ stream: "notice", time: later, partial: false, bytes: line });
      await this.#write({ bytes: record.bytes, first: later, last: later, written: 0 });
    });
  }

  /** No more output comes, unless it begins again. */
  async close(): Promise<void> {
    await this.#inOrder(async () => {
      await this.#file?.close();
      this.#file = undefined;
      this.#closed = true;
      // Only what follows must know where the output was read to.
      this.#isNew = true;
      this.#tell();
    });
  }

  /** Deletes the oldest segment. Resolves to false when there is none. */
  async dropOldest(): Promise<boolean> {
    return await this.#inOrder(async () => {
      if (this.segments.length === 1) await this.#endSegment();
      return await this.#drop();
    });
  }

  /** Calls back after each change, until the returned function is called. */
  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  async #write({ bytes, first, last, written }: Records): Promise<void> {
    const current = this.segments.at(-1);
    if (this.#file && current && current.size >= this.#bytes / SEGMENTS) await this.#endSegment();
    await (this.#file ? this.#append(bytes) : this.#beginSegment(first, bytes));
    this.#lastTime = last;
    this.#written += written;
    while (this.segments.length > 1 && this.size > this.#bytes) await this.#drop();
    this.#tell();
  }

  async #append(bytes: Buffer): Promise<void> {
    const current = this.segments.at(-1)!;
    await writeAt(this.#file!, bytes, current.size);
    current.size += bytes.length;
    this.#onSize(bytes.length);
  }

  async #beginSegment(first: bigint, bytes: Buffer): Promise<void> {
    const path = join(this.#dir, segmentName(this.host, first));
    const head = { container: this.#container, written: this.#written, place: this.#place };
    const file = await open(path, "w", 0o600);
    const all = Buffer.concat([encodeHead(head, this.#lastTime), bytes]);
    try {
      await writeAt(file, all, 0);
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
    this.#file = file;
    this.segments.push({ path, first, size: all.length });
    this.#onSize(all.length);
  }

  async #endSegment(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #drop(): Promise<boolean> {
    const oldest = this.segments[0];
    if (!oldest) return false;
    // The records before are stored: a failure here must not make them come again.
    await rm(oldest.path, { force: true }).catch(() => {});
    this.segments.shift();
    this.#onSize(-oldest.size);
    return true;
  }

  /** Finds out where the log ends, unless this run has written to it. */
  async #recover(): Promise<void> {
    if (!this.#isNew) return;
    const before = this.size;
    const known = await recover(this.segments);
    this.#onSize(this.size - before);
    this.#isNew = false;
    if (!known) return;
    [this.#container, this.#place] = [known.container, known.place];
    [this.#written, this.#lastTime] = [known.written, known.time];
    this.#file = known.file;
  }

  #inOrder<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#order.then(job);
    this.#order = done.catch(() => {});
    return done;
  }

  #tell(): void {
    for (const changed of this.#listeners) changed();
  }
}

/** Writes all of it, or nothing. */
async function writeAt(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length; )
      done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  } catch (error) {
    await file.truncate(at);
    throw error;
  }
}
