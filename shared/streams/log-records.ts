/**
 * Log lines as bytes on a stream's output channel: 1 byte of flags, 2 bytes of place in the request's `hosts`, 8 bytes of time in ns since
 * 1970, 4 bytes of length, then the line without its newline. All big endian. A record may be cut by frames anywhere.
 */

export type LogStreamName = "stdout" | "stderr" | "notice";

export interface LogRecord {
  /** Index in the request's `hosts`. */
  place: number;
  /** `notice`: said by Skein, not by the container. */
  stream: LogStreamName;
  /** ns since 1970; no two lines of one container have the same. */
  time: bigint;
  /** No newline follows: more of the same line comes next, or the output ended in the middle of it. */
  partial: boolean;
  bytes: Uint8Array;
}

/** With its container's name, once the request's `hosts` are known. */
export interface HostRecord extends LogRecord {
  host: string;
}

/** Most bytes of a line in one record. The engine's parts of a line have 16 KiB. */
export const RECORD_BYTES = 1024 * 1024;

const HEADER = 15;
const FLAGS: Record<LogStreamName, number> = { stdout: 0, stderr: 1, notice: 2 };
const STREAMS: readonly LogStreamName[] = ["stdout", "stderr", "notice"];
const PARTIAL = 4;

/** Bytes of a record on the stream. */
export function recordBytes({ bytes }: Pick<LogRecord, "bytes">): number {
  return HEADER + bytes.length;
}

export function encodeRecords(records: readonly LogRecord[]): Uint8Array<ArrayBuffer> {
  const encoded = new Uint8Array(records.reduce((sum, record) => sum + recordBytes(record), 0));
  const view = new DataView(encoded.buffer);
  let at = 0;
  for (const { place, stream, time, partial, bytes } of records) {
    view.setUint8(at, FLAGS[stream] | (partial ? PARTIAL : 0));
    view.setUint16(at + 1, place);
    view.setBigUint64(at + 3, time);
    view.setUint32(at + 11, bytes.length);
    encoded.set(bytes, at + HEADER);
    at += HEADER + bytes.length;
  }
  return encoded;
}

/** Puts records together from pieces. */
export class RecordReader {
  #rest: Uint8Array = new Uint8Array(0);

  /** Complete records so far. Their bytes are views. @throws Error for a record that is too long */
  *take(piece: Uint8Array): Generator<LogRecord> {
    let bytes = piece;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + piece.length);
      bytes.set(this.#rest);
      bytes.set(piece, this.#rest.length);
    }
    let at = 0;
    while (bytes.length - at >= HEADER) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at);
      const length = view.getUint32(11);
      if (length > RECORD_BYTES) throw new Error(`a log record of ${length} bytes`);
      const end = at + HEADER + length;
      if (bytes.length < end) break;
      const flags = view.getUint8(0);
      yield {
        place: view.getUint16(1),
        stream: STREAMS[flags & 3] ?? "notice",
        time: view.getBigUint64(3),
        partial: (flags & PARTIAL) !== 0,
        bytes: bytes.subarray(at + HEADER, end),
      };
      at = end;
    }
    this.#rest = bytes.slice(at);
  }
}
