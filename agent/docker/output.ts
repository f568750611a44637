/**
 * A container's output as the engine keeps it: entries in order, each with the engine's time. An entry is a line, or a part of a long one.
 * The engine reads 16 KiB at a time: a longer line comes in parts, and all of them have the time of the first.
 */

export type OutputStream = "stdout" | "stderr";

export interface OutputEntry {
  stream: OutputStream;
  /** ns since 1970, by the engine's clock. Two entries may have the same, and a later entry may have an earlier one. */
  time: bigint;
  /** Counts entries in a row of the same stream and time, from 1. */
  ordinal: number;
  /** No newline follows: more of the same line comes next, or the output ended in the middle of it. */
  partial: boolean;
  bytes: Uint8Array;
}

export interface OutputBatch {
  /** Their bytes are views, valid until the next batch is asked for. */
  entries: OutputEntry[];
  /** Entries before these are gone from the engine. */
  missed: boolean;
  /** They were written a moment ago. Otherwise they may be old. */
  fresh: boolean;
}

export interface OutputOptions {
  /** Goes on after this place; from the beginning without it. */
  after: OutputPlace | undefined;
  /** Aborts when the container has ended: reading then ends with what is there. */
  ended: AbortSignal;
  signal: AbortSignal;
}

type StreamPlace = Pick<OutputEntry, "time" | "ordinal" | "partial">;

/** Where a container's output was read to. Time and ordinal identify an entry of a stream; order is the engine's, not that of the times. */
export class OutputPlace {
  #last: OutputStream | undefined;
  readonly #streams: { [S in OutputStream]?: StreamPlace } = {};
  /** The latest time of any entry. */
  newest = 0n;

  /** The ordinal of an entry that comes next. */
  ordinalOf(stream: OutputStream, time: bigint): number {
    const before = this.#streams[stream];
    return before?.time === time ? before.ordinal + 1 : 1;
  }

  note({ stream, time, ordinal, partial }: Omit<OutputEntry, "bytes">): void {
    const known = this.#streams[stream];
    if (known) {
      known.time = time;
      known.ordinal = ordinal;
      known.partial = partial;
    } else this.#streams[stream] = { time, ordinal, partial };
    this.#last = stream;
    if (time > this.newest) this.newest = time;
  }

  /** Whether this is the last entry that was noted. */
  isAt({ stream, time, ordinal }: Omit<OutputEntry, "bytes" | "partial">): boolean {
    const last = this.#streams[stream];
    return this.#last === stream && last?.time === time && last.ordinal === ordinal;
  }

  /** The time of the stream's last entry. */
  timeOf(stream: OutputStream): bigint | undefined {
    return this.#streams[stream]?.time;
  }

  /** Later entries have no earlier time than this, unless the clock was set back: a line that goes on has the time of its beginning. */
  get earliest(): bigint {
    const open = Object.values(this.#streams).filter(({ partial }) => partial);
    return open.reduce((least, { time }) => (time < least ? time : least), this.newest);
  }

  toJSON(): unknown {
    const streams = Object.entries(this.#streams).map(([name, { time, ordinal, partial }]) => [
      name,
      { time: String(time), ordinal, partial },
    ]);
    return { last: this.#last, newest: String(this.newest), ...Object.fromEntries(streams) };
  }

  static fromJSON(json: unknown): OutputPlace {
    const { last, newest, ...streams } = json as Record<string, string> &
      Record<OutputStream, { time: string; ordinal: number; partial: boolean } | undefined>;
    const place = new OutputPlace();
    for (const stream of ["stdout", "stderr"] as const) {
      const known = streams[stream];
      if (known) place.#streams[stream] = { ...known, time: BigInt(known.time) };
    }
    place.#last = last as OutputStream | undefined;
    place.newest = BigInt(newest ?? 0);
    return place;
  }

  clone(): OutputPlace {
    return OutputPlace.fromJSON(this.toJSON());
  }
}
