/** For tests: files as the engine's `local` driver writes them. */
import { appendFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { OutputBatch, OutputEntry, OutputStream } from "./output.ts";

export interface Written {
  stream?: OutputStream;
  time: bigint;
  line: string | Buffer;
  /** Number of the part in its line, and whether it is the last. */
  part?: number;
  last?: boolean;
}

/** An entry, in protobuf by hand (see local-entries.ts). */
export function localEntry({ stream = "stdout", time, line, part, last = false }: Written): Buffer {
  const id = field(2, Buffer.from("an id of 64 characters"));
  const about = part === undefined ? [] : [numberField(1, last ? 1n : 0n), id, numberField(3, BigInt(part))];
  const message = Buffer.concat([
    field(1, Buffer.from(stream)),
    numberField(2, time),
    field(3, Buffer.from(line)),
    ...(part === undefined ? [] : [numberField(4, 1n), field(5, Buffer.concat(about))]),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message, length]);
}

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(BigInt(bytes.length)), bytes]);
}

function numberField(number: number, value: bigint): Buffer {
  return Buffer.concat([Buffer.from([number << 3]), varint(value)]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    if (rest <= 0x7fn) return Buffer.from(bytes);
  }
}

/** The engine's folder of a container. */
export class LocalFiles {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  write(...entries: Written[]): void {
    appendFileSync(join(this.dir, "container.log"), Buffer.concat(entries.map(localEntry)));
  }

  /** Lines `from` to `to`, each at its number as time. */
  count(from: number, to: number): void {
    for (let number = from; number <= to; number++)
      this.write({ time: BigInt(number), line: `line ${number}` });
  }

  /** Renames the files, of which four are kept. */
  rotate(): void {
    const path = (number: number) =>
      join(this.dir, number === 0 ? "container.log" : `container.log.${number}`);
    rmSync(path(3), { force: true });
    for (let number = 2; number >= 0; number--) {
      try {
        renameSync(path(number), path(number + 1));
      } catch {
        // There are not so many yet.
      }
    }
    appendFileSync(path(0), "");
  }
}

/** `stdout 5#1 text`, and `+` where no newline follows. */
export function shown({ stream, time, ordinal, partial, bytes }: OutputEntry): string {
  return `${stream} ${time}#${ordinal} ${Buffer.from(bytes).toString("latin1")}${partial ? "+" : ""}`;
}

/** What came so far, while it is read; `missed` where entries were missing. */
export function collect(source: AsyncIterable<OutputBatch>): { lines: string[]; done: Promise<void> } {
  const lines: string[] = [];
  const read = async () => {
    for await (const { entries, missed } of source) {
      if (missed) lines.push("missed");
      lines.push(...entries.map(shown));
    }
  };
  return { lines, done: read() };
}
