/**
 * The API's end of one agent's tunnel: numbers its streams, and keeps each within its credit in both directions. A tunnel holds at most
 * TUNNEL_BYTES per direction, since that is the sum of the credits: nothing else is held here.
 */
import {
  Consumed,
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
  CONTROL_BYTES,
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

  /** @throws Error if what it says does not fit into a frame */
  open(opening: Opening, listener: StreamListener): TunnelStream {
    const window = this.#large < LARGE_STREAMS ? STREAM_WINDOW : SMALL_WINDOW;
    const message = encoder.encode(JSON.stringify({ type: "open", window, ...opening }));
    if (message.length > CONTROL_BYTES)
      throw new Error(`the start is too long: with all it has ${message.length} of ${CONTROL_BYTES} bytes`);
    const number = ++this.#last;
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
    this.#socket.send(encodeFrame(number, CHANNEL.control, message));
    return stream;
  }

  /** A frame of the agent. False if it is none. */
  take(bytes: Uint8Array): boolean {
    const frame = decodeFrame(bytes);
    if (!frame || frame.channel === CHANNEL.input || frame.stream > this.#last) return false;
    // Without a stream: it has ended here, and this was under way.
    const stream = this.#streams.get(frame.stream);
    if (frame.channel !== CHANNEL.control) stream?.data(frame.unnumbered);
    else {
      const message = messageIn(frame.payload);
      if (!message) return false;
      stream?.message(message);
    }
    return true;
  }

  /** The tunnel is over, and all its streams with it. */
  end(code: StreamEnd, reason: string): void {
    for (const stream of [...this.#streams.values()]) stream.lost(code, reason);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
}

function messageIn(payload: Uint8Array): FromAgent | undefined {
  try {
    return FromAgent.safeParse(JSON.parse(decoder.decode(payload))).data;
  } catch {
    return undefined;
  }
}

/** Longest reason that a `close` message may have. */
const REASON_CHARACTERS = 4096;

interface Ways {
  send(channel: Channel, bytes: Uint8Array): void;
  /** It is over: the tunnel forgets it. */
  over(): void;
}

/**
 * One stream of a tunnel. After its end all calls do nothing. What it passes on waits in memory where the receiver is slow. So data is
 * within its credit, credit is collected here too, and each of the agent's other messages comes once.
 */
export class TunnelStream {
  readonly window: number;
  readonly #listener: StreamListener;
  readonly #ways: Ways;
  /** What the client may send, and what the agent may send. */
  readonly #up: Credit;
  readonly #down: Credit;
  /** Granted by one side, and not passed on to the other yet. */
  readonly #fromAgent: Consumed;
  readonly #fromClient: Consumed;
  readonly #heard = new Set<FromAgent["type"]>();
  #over = false;

  constructor(window: number, listener: StreamListener, ways: Ways) {
    this.window = window;
    this.#listener = listener;
    this.#ways = ways;
    this.#up = new Credit(window);
    this.#down = new Credit(window);
    this.#fromAgent = new Consumed(window);
    this.#fromClient = new Consumed(window);
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
    if (!this.#down.grant(bytes)) {
      this.end("over_credit", "the client granted more than it received");
      return;
    }
    const due = this.#fromClient.add(bytes);
    if (due > 0) this.#say({ type: "credit", bytes: due });
  }

  /** A control message for the agent. */
  tell(message: Exclude<FromClient, { type: "close" | "credit" }>): void {
    if (!this.#over) this.#say(message);
  }

  /** Ends it for both sides. */
  end(code: StreamEnd, reason: string): void {
    if (this.#over) return;
    this.#say({ type: "close", code, reason: reason.slice(0, REASON_CHARACTERS) });
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
    if (!this.#heard.has("opened") || this.#heard.has("end"))
      this.end("bad_frame", "the node sent data before its time");
    else if (this.#down.spend(frame.length - CLIENT_HEADER)) this.#listener.onData(frame);
    else this.end("over_credit", "the node sent more than was granted");
  }

  /** From the agent. */
  message(message: FromAgent): void {
    if (this.#over) return;
    if (message.type === "close") this.lost(message.code, message.reason);
    else if (message.type === "credit") this.#granted(message.bytes);
    else if (this.#heard.has(message.type) || (message.type === "opened") === this.#heard.has("opened"))
      this.end("bad_frame", `the node sent ${message.type} twice, or before its time`);
    else {
      this.#heard.add(message.type);
      this.#listener.onMessage(message);
    }
  }

  #granted(bytes: number): void {
    if (!this.#up.grant(bytes)) {
      this.end("over_credit", "the node granted more than it received");
      return;
    }
    const due = this.#fromAgent.add(bytes);
    if (due > 0) this.#listener.onCredit(due);
  }

  #say(message: object): void {
    this.#ways.send(CHANNEL.control, encoder.encode(JSON.stringify(message)));
  }
}
