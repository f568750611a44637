/**
 * Log records as they lie on the disk: 1 byte of flags, 8 bytes of time, 4 bytes of length, and the bytes of the line without its newline.
 * All big endian. Where the engine's time is another one, it stands before the line. A head at the beginning of each segment says what a
 * restarted agent needs to go on.
 */
import type { LogRecord, LogStreamName } from "../../shared/streams/log-records.ts";
import { OutputPlace } from "../docker/output.ts";

export type StoredRecord = Omit<LogRecord, "place">;

/** What the head of a segment says: the state before its first record. */
export interface SegmentHead {
  /** Id of the container whose output follows. */
  container: string;
  /** Bytes of output in all earlier segments, newlines included. */
  written: number;
  place: OutputPlace;
}

const HEADER = 13;
const ENGINE_TIME_BYTES = 8;
/** The upper half of the flags, so that a torn end of a file is seen. */
const MARK = 0xa0;
const MARK_BITS = 0xf0;
const STREAM_BITS = 3;
const PARTIAL = 4;
const ENGINE_TIME = 8;
const HEAD = 3;
const STREAMS: readonly LogStreamName[] = ["stdout", "stderr", "notice"];

/** Records to store at once. */
export class RecordBuffer {
  readonly #buffer: Buffer;
  readonly #view: DataView;
  #at = 0;

  /** Room for so many records with so many bytes of lines together. */
  constructor(records: number, bytes: number) {
    this.#buffer = Buffer.allocUnsafe(records * (HEADER + ENGINE_TIME_BYTES) + bytes);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset);
  }

  /** `engineTime`: the time of an entry that came from an engine. */
  add({ stream, time, partial, bytes }: StoredRecord, engineTime = time): void {
    const extra = engineTime === time ? 0 : ENGINE_TIME_BYTES;
    const flags = STREAMS.indexOf(stream) | (partial ? PARTIAL : 0) | (extra > 0 ? ENGINE_TIME : 0);
    const view = this.#view;
    view.setUint8(this.#at, MARK | flags);
    view.setBigUint64(this.#at + 1, time);
    view.setUint32(this.#at + 9, extra + bytes.length);
    if (extra > 0) view.setBigUint64(this.#at + HEADER, engineTime);
    this.#buffer.set(bytes, this.#at + HEADER + extra);
    this.#at += HEADER + extra + bytes.length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }
}

export function encodeHead({ container, written, place }: SegmentHead, time: bigint): Buffer {
  const bytes = Buffer.from(JSON.stringify({ container, written, place }));
  const buffer = Buffer.alloc(HEADER);
  buffer[0] = MARK | HEAD;
  buffer.writeBigUInt64BE(time, 1);
  buffer.writeUInt32BE(bytes.length, 9);
  return Buffer.concat([buffer, bytes]);
}

/** A record on the disk, and where it ends there. */
export interface Decoded extends StoredRecord {
  end: number;
  /** The engine's time; undefined for a notice. */
  engineTime: bigint | undefined;
}

export interface DecodedHead {
  head: SegmentHead;
  /** Time of the last record before it. */
  time: bigint;
  end: number;
}

/** The head at the beginning of a segment; undefined when it is torn. */
export function decodeHead(buffer: Buffer): DecodedHead | undefined {
  if (buffer.length < HEADER || buffer[0] !== (MARK | HEAD)) return undefined;
  const end = HEADER + buffer.readUInt32BE(9);
  if (buffer.length < end) return undefined;
  try {
    const { container, written, place } = JSON.parse(buffer.toString("utf8", HEADER, end));
    const head = { container, written, place: OutputPlace.fromJSON(place) };
    return { head, time: buffer.readBigUInt64BE(1), end };
  } catch {
    return undefined;
  }
}

/** Complete records from a place in a segment on. Stops at what is no record. The bytes are views. */
export function decodeStored(buffer: Buffer, from = 0): Decoded[] {
  const records: Decoded[] = [];
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  for (let at = from; buffer.length - at >= HEADER; ) {
    const flags = buffer[at]!;
    const stream = STREAMS[flags & STREAM_BITS];
    const end = at + HEADER + view.getUint32(at + 9);
    const hasOther = (flags & ENGINE_TIME) !== 0;
    const start = at + HEADER + (hasOther ? ENGINE_TIME_BYTES : 0);
    if ((flags & MARK_BITS) !== MARK || stream === undefined || end > buffer.length || start > end) break;
    const time = view.getBigUint64(at + 1);
    const engineTime = hasOther ? view.getBigUint64(at + HEADER) : time;
    const partial = (flags & PARTIAL) !== 0;
    records.push({
      stream,
      time,
      partial,
      bytes: buffer.subarray(start, end),
      end,
      engineTime: stream === "notice" ? undefined : engineTime,
    });
    at = end;
  }
  return records;
}

/** Bytes of output, with the newline that the record leaves out. */
export function outputBytes({ stream, partial, bytes }: StoredRecord): number {
  return stream === "notice" ? 0 : bytes.length + (partial ? 0 : 1);
}
