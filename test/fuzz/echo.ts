/** A stream that works, beside one that is fuzzed: what it sends comes back, byte for byte, as long as its tunnel stands. */
import { randomBytes } from "node:crypto";
import type { Serve } from "../../agent/streams/stream.ts";
import type { RemoteStream, Skein } from "../../sdk/index.ts";
import { CHANNEL } from "../../shared/streams/frames.ts";
import type { Open } from "../../shared/streams/stream-messages.ts";
import { within } from "./within.ts";

/** The agent's side of it. */
export const echo: Serve<Open> = async function echoInput(stream) {
  stream.opened();
  for await (const piece of stream.input) await stream.write(CHANNEL.output, piece);
  stream.end();
};

export class Echo {
  readonly stream: RemoteStream;
  readonly #output: AsyncGenerator<{ bytes: Uint8Array }>;

  private constructor(stream: RemoteStream) {
    this.stream = stream;
    this.#output = stream.output();
  }

  static async open(skein: Skein, session: string, port: number): Promise<Echo> {
    const stream = await skein.connect({ session }, port);
    await stream.opened;
    return new Echo(stream);
  }

  /** The problem with so many bytes there and back; undefined: none. */
  async trouble(bytes: number): Promise<string | undefined> {
    const sent = randomBytes(bytes);
    void this.stream.write(sent);
    const got = await within(this.#read(bytes));
    if (got?.equals(sent)) return undefined;
    const ended = await Promise.race([this.stream.result, undefined]);
    return `${got ? `other ${got.length} bytes came` : "nothing came"} back, ${JSON.stringify(ended)}`;
  }

  async #read(bytes: number): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for (let left = bytes; left > 0; ) {
      const { value, done } = await this.#output.next();
      if (done) break;
      pieces.push(value.bytes);
      left -= value.bytes.length;
    }
    return Buffer.concat(pieces);
  }
}
