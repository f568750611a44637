/**
 * Decodes files of the engine's `local` logging driver (moby, daemon/logger/local; the same from 18.09 to 28). An entry is its length (4
 * bytes, big endian), a protobuf message LogEntry, and the length again. LogEntry: 1 source, 2 time in ns, 3 line without its newline, 4
 * whether it is a part of a line, 5 about the part: 1 whether it is the last, 3 its number.
 */
import type { OutputStream } from "./output.ts";

/** An entry, before its place among the others is known. */
export interface LocalEntry {
  stream: OutputStream;
  time: bigint;
  partial: boolean;
  /** Number of the part in its line; 0 for a whole line. */
  part: number;
  bytes: Buffer;
  /** Bytes in the file. */
  size: number;
}

/** The file is not what this code knows. */
export class UnknownFormat extends Error {}

/** The engine splits lines at 16 KiB, so an entry is not much longer. */
const MOST_BYTES = 1024 * 1024;

/** Protobuf wire types (protobuf.dev, "Encoding"). */
const VARINT = 0;
const BYTES = 2;

export class LocalDecoder {
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Complete entries so far. Their bytes are views of what was given. @throws UnknownFormat */
  take(piece: Buffer): LocalEntry[] {
    const rest = this.#buffer.subarray(this.#at);
    this.#buffer = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    this.#at = 0;
    const entries: LocalEntry[] = [];
    const buffer = this.#buffer;
    while (buffer.length - this.#at >= 8) {
      const length = buffer.readUInt32BE(this.#at);
      if (length > MOST_BYTES) throw new UnknownFormat(`an entry of ${length} bytes`);
      const start = this.#at + 4;
      const end = start + length;
      if (buffer.length < end + 4) break;
      if (buffer.readUInt32BE(end) !== length)
        throw new UnknownFormat("an entry without its length at its end");
      entries.push(entryOf(buffer, start, end));
      this.#at = end + 4;
    }
    return entries;
  }
}

function entryOf(buffer: Buffer, start: number, end: number): LocalEntry {
  const entry: LocalEntry = {
    stream: "stdout",
    time: 0n,
    partial: false,
    part: 0,
    bytes: buffer.subarray(0, 0),
    size: end - start + 8,
  };
  let [partOfLine, last] = [false, false];
  for (let at = start; at < end; ) {
    const key = buffer[at++]!;
    const field = key >> 3;
    if ((key & 7) === VARINT) {
      const from = at;
      while (buffer[at++]! >= 0x80);
      if (field === 2) entry.time = varint(buffer, from, at);
      else if (field === 4) partOfLine = buffer[from] === 1;
    } else if ((key & 7) === BYTES) {
      const from = at;
      while (buffer[at++]! >= 0x80);
      const to = at + Number(varint(buffer, from, at));
      if (to > end) throw new UnknownFormat("a field beyond its entry");
      if (field === 1) entry.stream = to - at === 6 && buffer[at + 3] === 0x65 ? "stderr" : "stdout";
      else if (field === 3) entry.bytes = buffer.subarray(at, to);
      else if (field === 5) ({ last, part: entry.part } = partOf(buffer, at, to));
      at = to;
    } else throw new UnknownFormat(`field ${field} of wire type ${key & 7}`);
  }
  entry.partial = partOfLine && !last;
  return entry;
}

function partOf(buffer: Buffer, start: number, end: number): { last: boolean; part: number } {
  let [last, part] = [false, 0];
  for (let at = start; at < end; ) {
    const key = buffer[at++]!;
    const from = at;
    while (buffer[at++]! >= 0x80);
    const value = Number(varint(buffer, from, at));
    if (key >> 3 === 1) last = value === 1;
    else if (key >> 3 === 3) part = value;
    if ((key & 7) === BYTES) at += value;
  }
  return { last, part };
}

/** At most 63 bits. In three pieces, since a number holds only 53. */
function varint(buffer: Buffer, from: number, to: number): bigint {
  let [low, middle, high] = [0, 0, 0];
  for (let at = from; at < to; at++) {
    const bits = buffer[at]! & 0x7f;
    const place = at - from;
    if (place < 4) low += bits * 2 ** (7 * place);
    else if (place < 8) middle += bits * 2 ** (7 * (place - 4));
    else high += bits * 2 ** (7 * (place - 8));
  }
  if (to - from <= 7) return BigInt(low + middle * 2 ** 28);
  return (BigInt(middle + high * 2 ** 28) << 28n) | BigInt(low);
}
