/** Docker's multiplexed stream (Engine API, "Stream format"). A frame is 1 byte of stream, 3 zeros, 4 bytes of length, and a payload. */

/** Keeps the last `limit` bytes of what is added. */
export class Tail {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // Joining after every chunk would take quadratic time.
    if (this.#bytes > 2 * this.#limit + 65_536) this.#trim();
  }

  /** As UTF-8, without a character that was cut in two. */
  text(): string {
    const bytes = this.#trim();
    let from = 0;
    if (bytes.length === this.#limit) while (from < 3 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
    return bytes.toString("utf8", from);
  }

  #trim(): Buffer {
    const all = Buffer.concat(this.#chunks).subarray(-this.#limit);
    this.#chunks = [all];
    this.#bytes = all.length;
    return all;
  }
}

/** The payloads of all frames in order, of all streams. */
export async function* payloads(source: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 8) {
      const end = 8 + rest.readUInt32BE(4);
      if (rest.length < end) break;
      yield rest.subarray(8, end);
      rest = rest.subarray(end);
    }
  }
}
