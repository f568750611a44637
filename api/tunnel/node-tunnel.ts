/**
 * The API's end of one agent's tunnel: numbers its streams, and keeps each within its credit in both directions. A tunnel holds at most
 * TUNNEL_BYTES per direction, since that is the sum of the credits: nothing else is held here.
 */
import {
  Credit,
  LARGE_STREAMS,
  SMALL_WINDOW,
  STREAM_WINDOW,
  TUNNEL_STREAMS,
} from "../../shared/streams/credit.ts";
import type { StreamEnd } from "../../shared/streams/ends.ts";
import {
  CHANNEL,
  type Channel,
  CLIENT_HEADER,
  decodeFrame,
  encodeFrame,
} from "../../shared/streams/frames.ts";
import { FromAgent, type FromClient, type Open } from "../../shared/streams/stream-messages.ts";

/** What becomes of one stream; the receiver of its bytes. */
export interface StreamListener {
  /** Output, as a client's frame: a byte with the channel, then data. The receiver grants credit for the data once it has consumed it. */
  onData(frame: Uint8Array): void;
  onMessage(message: Exclude<FromAgent, { type: "close" | "credit" }>): void;
  /** The client may send so many bytes more. */
  onCredit(bytes: number): void;
  /** The last call. */
  onClose(code: StreamEnd, reason: string): void;
}

/** An `open` message without what the tunnel adds. */
export type Opening = Open extends infer O ? (O extends Open ? Omit<O, "type" | "window"> : never) : never;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class NodeTunnel {
  readonly #socket: WebSocket;
  readonly #streams = new Map<number, TunnelStream>();
  #last = 0;
  #large = 0;
  /** Last sign of life, and when the last stream ended; ms since 1970. */
  seenAt: number;
  idleSince: number;

  constructor(socket: WebSocket, now: number) {
    this.#socket = socket;
    this.seenAt = now;
    this.idleSince = now;
  }

  get streams(): number {
    return this.#streams.size;
  }

  get isFull(): boolean {
    return this.#streams.size >= TUNNEL_STREAMS;
  }

  open(opening: Opening, listener: StreamListener): TunnelStream {
    const number = ++this.#last;
    const window = this.#large < LARGE_STREAMS ? STREAM_WINDOW : SMALL_WINDOW;
    if (window === STREAM_WINDOW) this.#large++;
    const stream = new TunnelStream(window, listener, {
      send: (channel, bytes) => this.#socket.send(encodeFrame(number, channel, bytes)),
      over: () => {
        this.#streams.delete(number);
        if (window === STREAM_WINDOW) this.#large--;
        this.idleSince = Date.now();
      },
    });
    this.#streams.set(number, stream);
    this.#say(number, { type: "open", window, ...opening });
    return stream;
  }

  /** A frame of the agent. @throws Error if it is none */
  take(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    if (!frame || frame.channel === CHANNEL.input) throw new Error("no frame of a tunnel");
    const { stream: number, channel, payload, unnumbered } = frame;
    if (number > this.#last) throw new Error(`stream ${number} was never opened`);
    // Without a stream: it has ended here, and this was under way.
    const stream = this.#streams.get(number);
    if (channel === CHANNEL.control) stream?.message(FromAgent.parse(JSON.parse(decoder.decode(payload))));
    else stream?.data(unnumbered);
  }

  /** The tunnel is over, and all its streams with it. */
  end(code: StreamEnd, reason: string): void {
    for (const stream of [...this.#streams.values()]) stream.lost(code, reason);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  #say(number: number, message: object): void {
    this.#socket.send(encodeFrame(number, CHANNEL.control, encoder.encode(JSON.stringify(message))));
  }
}

interface Ways {
  send(channel: Channel, bytes: Uint8Array): void;
  /** It is over: the tunnel forgets it. */
  over(): void;
}

/** One stream of a tunnel. After its end all calls do nothing. */
export class TunnelStream {
  readonly window: number;
  readonly #listener: StreamListener;
  readonly #ways: Ways;
  /** What the client may send, and what the agent may send. */
  readonly #up: Credit;
  readonly #down: Credit;
  #over = false;

  constructor(window: number, listener: StreamListener, ways: Ways) {
    this.window = window;
    this.#listener = listener;
    this.#ways = ways;
    this.#up = new Credit(window);
    this.#down = new Credit(window);
  }

  /** Bytes for the container. Ends the stream if they are more than the agent has granted. */
  input(bytes: Uint8Array): void {
    if (this.#over) return;
    if (this.#up.spend(bytes.length)) {
      this.#ways.send(CHANNEL.input, bytes);
    } else this.end("over_credit", "the client sent more than was granted");
  }

  /** The receiver has consumed so many bytes of output. Ends the stream if it never got that many. */
  consumed(bytes: number): void {
    if (this.#over) return;
    if (this.#down.grant(bytes)) {
      this.#say({ type: "credit", bytes });
    } else this.end("over_credit", "the client granted more than it received");
  }

  /** A control message for the agent. */
  tell(message: Exclude<FromClient, { type: "close" | "credit" }>): void {
    if (!this.#over) this.#say(message);
  }

  /** Ends it for both sides. */
  end(code: StreamEnd, reason: string): void {
    if (this.#over) return;
    this.#say({ type: "close", code, reason });
    this.lost(code, reason);
  }

  /** Ends it for the listener: the agent has closed it, or its tunnel broke. */
  lost(code: StreamEnd, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#ways.over();
    this.#listener.onClose(code, reason);
  }

  /** From the agent. */
  data(frame: Uint8Array): void {
    if (this.#over) return;
    if (this.#down.spend(frame.length - CLIENT_HEADER)) {
      this.#listener.onData(frame);
    } else this.end("over_credit", "the node sent more than was granted");
  }

  /** From the agent. */
  message(message: FromAgent): void {
    if (this.#over) return;
    if (message.type === "close") this.lost(message.code, message.reason);
    else if (message.type !== "credit") this.#listener.onMessage(message);
    else if (this.#up.grant(message.bytes)) this.#listener.onCredit(message.bytes);
    else this.end("over_credit", "the node granted more than it received");
  }

  #say(message: object): void {
    this.#ways.send(CHANNEL.control, encoder.encode(JSON.stringify(message)));
  }
}
