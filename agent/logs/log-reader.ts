/** Reads the stored output of one container, while it is written or long after. */
import { type FileHandle, open } from "node:fs/promises";
import type { Segment } from "./segments.ts";
import type { StoredLog } from "./stored-log.ts";
import { decodeHead, decodeStored, outputBytes, type StoredRecord } from "./stored-records.ts";
import { findTail } from "./tail.ts";

export interface ReadOptions {
  /** No record of an earlier time, in ns since 1970. */
  since?: bigint | undefined;
  /** Only so many last lines of what is there. */
  tail?: number | undefined;
  /** About so many bytes at a time. */
  chunk?: number;
}

const CHUNK_BYTES = 256 * 1024;

export class LogReader {
  readonly #log: StoredLog;
  readonly #options: ReadOptions;
  #started = false;
  #segment: Segment | undefined;
  #file: FileHandle | undefined;
  /** In the segment. Records that end before `#skipTo` are left out. */
  #offset = 0;
  #skipTo = 0;
  /** Bytes of output before the next record, from the log's beginning; undefined before the first segment. */
  #position: number | undefined;

  constructor(log: StoredLog, options: ReadOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** Records that come next; none at the end of what is there. Their bytes stay valid. */
  async read(): Promise<StoredRecord[]> {
    if (!this.#started) await this.#start();
    for (;;) {
      const records = this.#file ? await this.#more() : await this.#open();
      if (records.length > 0) return records;
      if (!this.#next && (!this.#segment || this.#offset >= this.#segment.size)) return [];
      if (this.#segment && this.#offset >= this.#segment.size) await this.#leave();
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #start(): Promise<void> {
    this.#started = true;
    const { since, tail } = this.#options;
    const { segments } = this.#log;
    const bySince = since === undefined ? undefined : segments.findLast(({ first }) => first <= since);
    const byTail = tail === undefined ? undefined : await findTail(segments, tail);
    const isLater = byTail && (!bySince || byTail.segment.first >= bySince.first);
    if (isLater) [this.#segment, this.#skipTo] = [byTail.segment, byTail.offset];
    else this.#segment = bySince ?? segments[0];
    // What comes before was not asked for.
    this.#position = isLater || bySince ? Number.POSITIVE_INFINITY : 0;
  }

  /** The segment after the present one. */
  get #next(): Segment | undefined {
    const { segments } = this.#log;
    const present = this.#segment;
    return present ? segments.find(({ first }) => first > present.first) : segments[0];
  }

  async #leave(): Promise<void> {
    await this.close();
    const next = this.#next;
    [this.#segment, this.#offset, this.#skipTo] = [next, 0, 0];
  }

  /** Opens the segment. Gives a notice where output before it is gone. */
  async #open(): Promise<StoredRecord[]> {
    this.#segment ??= this.#next;
    const segment = this.#segment;
    if (!segment) return [];
    this.#file = await open(segment.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (!this.#file) {
      // It was dropped a moment ago.
      this.#offset = segment.size;
      return [];
    }
    const { buffer } = await this.#fill(64 * 1024);
    const found = decodeHead(buffer);
    if (!found) throw new Error(`${segment.path} is no segment of a log`);
    const { written } = found.head;
    const position = this.#position ?? 0;
    [this.#offset, this.#position] = [found.end, written];
    if (written <= position) return [];
    const text = `${written - position} bytes of output before this are no longer kept`;
    return [{ stream: "notice", time: segment.first - 1n, partial: false, bytes: Buffer.from(text) }];
  }

  async #more(): Promise<StoredRecord[]> {
    const { since = 0n, chunk = CHUNK_BYTES } = this.#options;
    for (let size = chunk; this.#offset < this.#segment!.size; ) {
      const { buffer, isAll } = await this.#fill(size);
      const from = this.#offset;
      const decoded = decodeStored(buffer);
      // A record is longer than what was read.
      if (decoded.length === 0 && !isAll) size *= 2;
      else if (decoded.length === 0) throw new Error(`${this.#segment!.path} has no record at ${from}`);
      else {
        this.#offset = from + decoded.at(-1)!.end;
        for (const record of decoded) this.#position! += outputBytes(record);
        const wanted = decoded.filter(({ time, end }) => time >= since && from + end > this.#skipTo);
        if (wanted.length > 0) return wanted;
      }
    }
    return [];
  }

  async #fill(most: number): Promise<{ buffer: Buffer; isAll: boolean }> {
    const left = this.#segment!.size - this.#offset;
    const buffer = Buffer.allocUnsafe(Math.min(most, left));
    const { bytesRead } = await this.#file!.read(buffer, 0, buffer.length, this.#offset);
    return { buffer: buffer.subarray(0, bytesRead), isAll: bytesRead === left };
  }
}
