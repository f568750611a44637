/** A stream without a tunnel: a test is the client at its other end. Its credit is unlimited, unless the test holds it back. */

import { CHANNEL, type Channel } from "../../shared/streams/frames.ts";
import type { FileStat, HttpResponse, Open } from "../../shared/streams/stream-messages.ts";
import { type Serve, type Stream, StreamFailure } from "../streams/stream.ts";

type Control = Parameters<Parameters<Stream["onControl"]>[0]>[0];

/** How a stream ended: `done`, or the failure's code. */
export interface MemoryEnd {
  code: string;
  reason: string;
}

export class MemoryStream implements Stream {
  readonly #over = new AbortController();
  readonly #input: Buffer[] = [];
  #inputEnded = false;
  #takeControl: (message: Control) => void = () => {};
  #wake = Promise.withResolvers<void>();
  readonly #pieces: Record<Channel, Buffer[]> = { 0: [], 1: [], 2: [], 3: [] };
  /** Bytes that were written, by channel. Counts also when `keeps` is false. */
  readonly counted: Record<Channel, number> = { 0: 0, 1: 0, 2: 0, 3: 0 };
  /** What was said, in order: `opened`, `end`, `exit 3`. */
  readonly said: string[] = [];
  /** Of a response. */
  readonly headers: [string, string][] = [];
  readonly ended: Promise<MemoryEnd>;
  /** False: bytes are counted only. */
  keeps = true;
  /** The client takes no more bytes while this is true. */
  #isHeld = false;
  /** Hears each piece that is written. */
  onPiece: (bytes: Buffer) => void = () => {};

  private constructor(serve: (stream: Stream) => Promise<void>) {
    this.ended = this.#serve(serve);
  }

  static open<O extends Open>(serve: Serve<O>, open: O): MemoryStream {
    return new MemoryStream((stream) => serve(stream, open));
  }

  async #serve(serve: (stream: Stream) => Promise<void>): Promise<MemoryEnd> {
    // As a tunnel does: the constructor's caller sees the stream before anything happens.
    await Promise.resolve();
    try {
      await serve(this);
      return { code: "done", reason: "" };
    } catch (error) {
      const { message } = error as Error;
      return { code: error instanceof StreamFailure ? error.code : "failed", reason: message };
    } finally {
      this.#over.abort(new StreamFailure("client_gone", "it is over"));
      this.#awake();
    }
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** The client's side. */
  send(bytes: string | Buffer): this {
    this.#input.push(Buffer.from(bytes as string));
    this.#awake();
    return this;
  }

  /** Bytes that were sent, and not asked for yet. */
  get waiting(): number {
    return this.#input.reduce((sum, { length }) => sum + length, 0);
  }

  sendEnd(): this {
    this.#inputEnded = true;
    this.#awake();
    return this;
  }

  control(message: Control): this {
    this.#takeControl(message);
    return this;
  }

  /** The client is gone. */
  lose(): void {
    this.#over.abort(new StreamFailure("client_gone", "the client is gone"));
    this.#awake();
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#awake();
  }

  get output(): Buffer<ArrayBuffer> {
    return Buffer.concat(this.#pieces[CHANNEL.output]);
  }

  get stdout(): string {
    return this.output.toString();
  }

  get stderr(): string {
    return Buffer.concat(this.#pieces[CHANNEL.error]).toString();
  }

  /** Resolves once this holds; it is looked at after each change. @throws when the stream ends before */
  async until(holds: (stream: this) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.signal.aborted)
        throw new Error(`ended before: ${JSON.stringify([this.said, this.stdout, this.stderr])}`);
      await this.#wake.promise;
    }
  }

  async untilOutput(text: string): Promise<void> {
    await this.until(() => this.stdout.includes(text));
  }

  /** The agent's side. */
  get input(): AsyncIterable<Buffer> {
    return this.#read();
  }

  async *#read(): AsyncGenerator<Buffer> {
    while (!this.signal.aborted) {
      const piece = this.#input.shift();
      if (piece) yield piece;
      else if (this.#inputEnded) return;
      else await this.#wake.promise;
    }
  }

  onControl(take: (message: Control) => void): void {
    this.#takeControl = take;
  }

  opened(): void {
    this.#say("opened");
  }

  async write(channel: Channel, bytes: Uint8Array): Promise<void> {
    while (this.#isHeld && !this.signal.aborted) await this.#wake.promise;
    this.signal.throwIfAborted();
    const piece = Buffer.from(bytes);
    if (this.keeps) this.#pieces[channel].push(piece);
    this.counted[channel] += piece.length;
    this.onPiece(piece);
    this.#awake();
  }

  end(): void {
    this.#say("end");
  }

  exit(code: number): void {
    this.#say(`exit ${code}`);
  }

  live(): void {
    this.#say("live");
  }

  response({ status, headers }: Omit<HttpResponse, "type">): void {
    this.headers.push(...headers);
    this.#say(`response ${status}`);
  }

  stat({ type, name }: FileStat): void {
    this.#say(`stat ${type} ${name}`);
  }

  #say(what: string): void {
    this.said.push(what);
    this.#awake();
  }

  #awake(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
