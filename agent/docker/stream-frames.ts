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
  for await (const frames of framesOf(source)) for (const { payload } of frames) yield payload;
}

export interface DockerFrame {
  stream: "stdout" | "stderr";
  payload: Buffer;
}

/** All frames in order, as many at a time as came together. */
export async function* framesOf(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<DockerFrame[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const frames: DockerFrame[] = [];
    let at = 0;
    while (bytes.length - at >= 8) {
      const end = at + 8 + bytes.readUInt32BE(at + 4);
      if (bytes.length < end) break;
      frames.push({ stream: bytes[at] === 2 ? "stderr" : "stdout", payload: bytes.subarray(at + 8, end) });
      at = end;
    }
    rest = bytes.subarray(at);
    if (frames.length > 0) yield frames;
  }
}
