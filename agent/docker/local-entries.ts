/**
 * Decodes files of the engine's `local` logging driver (moby, daemon/logger/local; the same from 18.09 to 28). An entry is its length (4
 * bytes, big endian), a protobuf message LogEntry, and the length again. LogEntry: 1 source, 2 time in ns, 3 line without its newline, 4
 * whether it is a part of a line, 5 about the part: 1 whether it is the last, 3 its number.
 */
import type { OutputEntry } from "./output.ts";

export interface LocalEntry extends OutputEntry {
  /** Number of the part in its line; 0 for a whole line. The same until its place among the others is known. */
  ordinal: number;
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
  #rest: Buffer = Buffer.alloc(0);

  /** Complete entries so far. Their bytes may be views of what was given. @throws UnknownFormat */
  take(piece: Buffer): LocalEntry[] {
    const buffer: Buffer = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const entries: LocalEntry[] = [];
    let at = 0;
    while (buffer.length - at >= 8) {
      const length = buffer.readUInt32BE(at);
      if (length > MOST_BYTES) throw new UnknownFormat(`an entry of ${length} bytes`);
      const start = at + 4;
      const end = start + length;
      if (buffer.length < end + 4) break;
      if (buffer.readUInt32BE(end) !== length)
        throw new UnknownFormat("an entry without its length at its end");
      entries.push(entryOf(buffer, start, end));
      at = end + 4;
    }
    // A copy: the caller reads into the same memory again.
    this.#rest = Buffer.from(buffer.subarray(at));
    return entries;
  }
}

function entryOf(buffer: Buffer, start: number, end: number): LocalEntry {
  const entry: LocalEntry = {
    stream: "stdout",
    time: 0n,
    ordinal: 0,
    partial: false,
    bytes: NOTHING,
    size: end - start + 8,
  };
  let [isPart, isLast] = [false, false];
  for (let at = start; at < end; ) {
    const key = buffer[at++]!;
    const [field, from] = [key >> 3, at];
    while (buffer[at++]! >= 0x80);
    if ((key & 7) === VARINT) {
      if (field === 2) entry.time = time(buffer, from);
      else if (field === 4) isPart = buffer[from] === 1;
    } else if ((key & 7) === BYTES) {
      const to = at + number(buffer, from, at);
      if (to > end) throw new UnknownFormat("a field beyond its entry");
      if (field === 1) entry.stream = buffer[at + 3] === STDERR_3 ? "stderr" : "stdout";
      else if (field === 3) entry.bytes = buffer.subarray(at, to);
      else if (field === 5) [isLast, entry.ordinal] = partOf(buffer, at, to);
      at = to;
    } else throw new UnknownFormat(`field ${field} of wire type ${key & 7}`);
  }
  entry.partial = isPart && !isLast;
  return entry;
}

const NOTHING = Buffer.alloc(0);
/** The letter at index 3 of `stderr`; `stdout` has another one there. */
const STDERR_3 = 0x65;

/** Whether it is the last part, and its number. */
function partOf(buffer: Buffer, start: number, end: number): [isLast: boolean, part: number] {
  let [isLast, part] = [false, 0];
  for (let at = start; at < end; ) {
    const key = buffer[at++]!;
    const from = at;
    while (buffer[at++]! >= 0x80);
    const value = number(buffer, from, at);
    if (key >> 3 === 1) isLast = value === 1;
    else if (key >> 3 === 3) part = value;
    if ((key & 7) === BYTES) at += value;
  }
  return [isLast, part];
}

/** A varint of at most 53 bits. */
function number(buffer: Buffer, from: number, to: number): number {
  let value = 0;
  for (let at = to - 1; at >= from; at--) value = value * 128 + (buffer[at]! & 0x7f);
  return value;
}

const words = new Uint32Array(2);
const long = new BigUint64Array(words.buffer);

/** A varint of at most 64 bits. Through memory: arithmetic with bigints would take longer than all the rest. Little-endian machines only. */
function time(buffer: Buffer, from: number): bigint {
  let [low, high, at] = [0, 0, from];
  for (let shift = 0; shift < 64; shift += 7) {
    const byte = buffer[at++]!;
    const bits = byte & 0x7f;
    if (shift < 32) low |= bits << shift;
    if (shift > 25) high |= shift < 32 ? bits >> (32 - shift) : bits << (shift - 32);
    if (byte < 0x80) break;
  }
  words[0] = low;
  words[1] = high;
  return long[0]!;
}
