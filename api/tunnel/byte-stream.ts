/** The API's end of a stream that it reads and writes itself, as an HTTP body asks for it or brings it. */
import { Consumed, Credit, costOf } from "../../shared/streams/credit.ts";
import type { StreamEnd } from "../../shared/streams/ends.ts";
import { CHANNEL, CLIENT_HEADER, FRAME_BYTES } from "../../shared/streams/frames.ts";
import type { FromAgent } from "../../shared/streams/stream-messages.ts";
import { Waiters } from "../platform/waiters.ts";
import type { NodeTunnel, Opening, TunnelStream } from "./node-tunnel.ts";

/** How a stream has ended. */
export interface Ended {
  code: StreamEnd;
  reason: string;
}

/** Longer than any wait: a stream without a limit of its own ends when its tunnel or its client does. */
const FOREVER_SECONDS = 1_000_000;

type Message = Exclude<FromAgent, { type: "close" | "credit" }>;

export class ByteStream {
  readonly #stream: TunnelStream;
  readonly #waiters = new Waiters();
  /** What the container's side may still get. */
  readonly #credit: Credit;
  readonly #consumed: Consumed;
  readonly #over = Promise.withResolvers<void>();
  readonly #said = new Map<Message["type"], Message>();
  #pieces: Uint8Array[] = [];
  #ended: Ended | undefined;
  /** When something happened last, ms since 1970. */
  protected movedAt = Date.now();

  constructor(tunnel: NodeTunnel, opening: Opening) {
    this.#stream = tunnel.open(opening, {
      onData: (frame) => this.#changed(() => frame[0] === CHANNEL.output && this.#pieces.push(frame)),
      onMessage: (message) => this.#changed(() => this.#said.set(message.type, message)),
      onCredit: (bytes) => this.#changed(() => this.#credit.grant(bytes)),
      onClose: (code, reason) =>
        this.#changed(() => {
          this.#ended = { code, reason };
          this.#over.resolve();
        }),
    });
    this.#credit = new Credit(this.#stream.window);
    this.#consumed = new Consumed(this.#stream.window);
  }

  /** Undefined as long as it goes on. */
  get ended(): Ended | undefined {
    return this.#ended;
  }

  /** The container's side has said that all of it has come. */
  get isWhole(): boolean {
    return this.#said.has("end");
  }

  /** Resolves when it has ended. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Resolves when the container's side is ready, or the stream has ended. */
  async opened(): Promise<void> {
    await this.said("opened");
  }

  /** The node's message of that type, once it has come; undefined if the stream ends before. */
  async said<T extends Message["type"]>(type: T): Promise<Extract<Message, { type: T }> | undefined> {
    await this.until(() => this.#said.has(type));
    return this.#said.get(type) as Extract<Message, { type: T }> | undefined;
  }

  /** Sends bytes into the container, as fast as it takes them. Returns at once if the stream has ended. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#ended; ) {
      const size = Math.min(FRAME_BYTES, this.#credit.room, bytes.length - at);
      if (size === 0) await this.until(() => this.#credit.room > 0);
      else {
        this.#credit.spend(size);
        this.#stream.input(bytes.subarray(at, at + size));
        at += size;
      }
    }
  }

  /** No more bytes follow. */
  sentAll(): void {
    this.#stream.tell({ type: "end" });
  }

  /** All was sent. Resolves to how the stream ends: `done` if everything is in the container. */
  async finish(): Promise<Ended> {
    this.sentAll();
    await this.until(() => false);
    return this.#ended!;
  }

  /** Whether `next` has something to say within so many seconds. */
  async arrives(seconds: number): Promise<boolean> {
    const isThere = () => this.#ended !== undefined || this.#pieces.length > 0 || this.#said.has("end");
    await this.until(isThere, seconds);
    return isThere();
  }

  /** The next bytes from the container; undefined after the last, or when the stream has ended. */
  async next(): Promise<Uint8Array | undefined> {
    await this.until(() => this.#pieces.length > 0 || this.#said.has("end"));
    this.movedAt = Date.now();
    const frame = this.#pieces.shift();
    if (!frame) return undefined;
    const due = this.#consumed.add(costOf(frame.length - CLIENT_HEADER));
    if (due > 0) this.#stream.consumed(due);
    return frame.slice(CLIENT_HEADER);
  }

  end(code: StreamEnd, reason: string): void {
    this.#stream.end(code, reason);
  }

  #changed(change: () => void): void {
    this.movedAt = Date.now();
    change();
    this.#waiters.check();
  }

  /** Resolves when it is so, or the stream has ended. */
  protected async until(isSo: () => boolean, seconds = FOREVER_SECONDS): Promise<void> {
    const isReady = () => this.#ended !== undefined || isSo();
    if (!isReady()) await this.#waiters.wait(isReady, seconds);
  }
}
