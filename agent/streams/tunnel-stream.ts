/** One stream of a tunnel: credit in both directions, and the client's bytes as an iterable. */
import { Consumed, Credit, costOf } from "../../shared/streams/credit.ts";
import type { StreamEnd } from "../../shared/streams/ends.ts";
import { CHANNEL, type Channel, FRAME_BYTES } from "../../shared/streams/frames.ts";
import type { FileStat, FromAgent, FromClient, HttpResponse } from "../../shared/streams/stream-messages.ts";
import { type Stream, StreamFailure } from "./stream.ts";

type Control = Extract<FromClient, { type: "resize" | "signal" }>;

export class TunnelStream implements Stream {
  readonly #window: number;
  readonly #send: (channel: Channel, payload: Uint8Array) => void;
  readonly #over = new AbortController();
  /** For what we send, and for what the client sends. */
  readonly #credit: Credit;
  readonly #allowed: Credit;
  readonly #consumed: Consumed;
  #pieces: Buffer[] = [];
  #inputEnded = false;
  #takeControl: ((message: Control) => void) | undefined;
  /** Controls that came before somebody takes them. The credit of the link bounds data, not these: see `MOST_EARLY`. */
  #early: Control[] = [];
  #wake = Promise.withResolvers<void>();

  /** `send` puts a frame on the tunnel. */
  constructor(window: number, send: (channel: Channel, payload: Uint8Array) => void) {
    this.#window = window;
    this.#send = send;
    this.#credit = new Credit(window);
    this.#allowed = new Credit(window);
    this.#consumed = new Consumed(window);
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** The other side, or the tunnel, has ended it. */
  abort(code: StreamEnd, reason: string): void {
    this.#over.abort(new StreamFailure(code, reason));
    this.#awake();
  }

  /** Data from the client. @throws StreamFailure */
  data(payload: Uint8Array): void {
    if (!this.#allowed.spend(payload.length))
      throw new StreamFailure("over_credit", "the client sent more than was granted");
    if (this.#inputEnded) throw new StreamFailure("bad_frame", "the client sent data after its end");
    this.#pieces.push(kept(payload));
    this.#awake();
  }

  /** A control message from the client. @throws StreamFailure */
  control(message: FromClient): void {
    if (message.type === "credit") {
      if (!this.#credit.grant(message.bytes))
        throw new StreamFailure("over_credit", "the client granted more than it received");
      this.#awake();
    } else if (message.type === "end") {
      this.#inputEnded = true;
      this.#awake();
    } else if (message.type === "close") {
      this.abort(message.code, message.reason);
    } else if (this.#takeControl) {
      this.#takeControl(message);
    } else if (this.#early.push(message) > MOST_EARLY) {
      throw new StreamFailure("bad_frame", "the client sent too much before the command ran");
    }
  }

  get input(): AsyncIterable<Buffer> {
    return this.#read();
  }

  async *#read(): AsyncGenerator<Buffer> {
    while (!this.signal.aborted) {
      const piece = this.#pieces.shift();
      if (piece) {
        yield piece;
        const cost = costOf(piece.length);
        this.#allowed.grant(cost);
        const due = this.#consumed.add(cost);
        if (due > 0) this.#say({ type: "credit", bytes: due });
      } else if (this.#inputEnded) return;
      else await this.#wake.promise;
    }
  }

  onControl(take: (message: Control) => void): void {
    this.#takeControl = take;
    for (const message of this.#early.splice(0)) take(message);
  }

  opened(): void {
    this.#say({ type: "opened", window: this.#window });
  }

  async write(channel: Channel, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      this.signal.throwIfAborted();
      const size = Math.min(FRAME_BYTES, this.#credit.room, bytes.length - at);
      if (size === 0) await this.#wake.promise;
      else {
        this.#credit.spend(size);
        this.#send(channel, bytes.subarray(at, at + size));
        at += size;
      }
    }
  }

  end(): void {
    this.#say({ type: "end" });
  }

  exit(code: number): void {
    this.#say({ type: "exit", code });
  }

  live(): void {
    this.#say({ type: "live" });
  }

  stat(stat: FileStat): void {
    this.#say({ type: "stat", stat });
  }

  response(head: Omit<HttpResponse, "type">): void {
    this.#say({ type: "response", ...head });
  }

  /** The agent's side is done with it. */
  close(code: StreamEnd, reason: string): void {
    this.#say({ type: "close", code, reason: reason.slice(0, 4096) });
    this.abort(code, reason);
  }

  #say(message: FromAgent): void {
    if (!this.signal.aborted) this.#send(CHANNEL.control, Buffer.from(JSON.stringify(message)));
  }

  /** Everybody who waits looks again. */
  #awake(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

/** Most resizes and signals that may wait for the command's start. */
const MOST_EARLY = 64;

/** A view, unless it would hold much more memory than it needs. */
function kept({ buffer, byteOffset, length }: Uint8Array): Buffer {
  const view = Buffer.from(buffer as ArrayBuffer, byteOffset, length);
  return buffer.byteLength > 2 * length ? Buffer.from(view) : view;
}
