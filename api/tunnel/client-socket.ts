/**
 * A client's WebSocket: one stream, an exec or a connection to a port. Text frames are control messages, binary frames have a byte with the
 * channel and then data (docs/streams.md).
 */
import { type Bucket, spend } from "../../shared/access/bucket.ts";
import { CLOSE, PING, PONG } from "../../shared/protocol/protocol.ts";
import type { StreamEnd } from "../../shared/streams/ends.ts";
import { CHANNEL, CLIENT_HEADER, CONTROL_BYTES, channelAt } from "../../shared/streams/frames.ts";
import { ExecStart, FromClient } from "../../shared/streams/stream-messages.ts";
import type { NodeTunnel, Opening, StreamListener, TunnelStream } from "./node-tunnel.ts";

/** What a client asked for in its URL. */
export type Wanted = { kind: "exec"; host: string } | { kind: "port"; host: string; port: number };

/** How long an exec waits for its first frame. */
const START_MS = 10_000;

/**
 * How many messages without credit a client may send: what they cause waits in memory where agent or client do not read. A user who drags
 * a window sends some hundred resizes in seconds.
 */
const MESSAGES = { burst: 1000, perMinute: 1200 } as const;

/** RFC 6455, 7.4.1 leaves codes from 4000 to applications. The stream's own code is in the `close` message before. */
const ENDED = { normal: 1000, error: 4100 } as const;

export class ClientSocket {
  readonly #socket: WebSocket;
  readonly #wanted: Wanted;
  readonly #tunnel: NodeTunnel;
  #gone = () => {};
  #stream: TunnelStream | undefined;
  #tooLate: number | undefined;
  #over = false;
  #messages: Bucket | undefined;
  /** Last sign of life, ms since 1970. */
  seenAt: number;

  constructor(socket: WebSocket, wanted: Wanted, tunnel: NodeTunnel, now: number) {
    this.#socket = socket;
    this.#wanted = wanted;
    this.#tunnel = tunnel;
    this.seenAt = now;
    socket.addEventListener("message", ({ data }) => {
      // A client may go on sending until it sees the close.
      if (this.#over) return;
      this.seenAt = Date.now();
      try {
        if (typeof data === "string") this.#text(data);
        else this.#binary(new Uint8Array(data as ArrayBuffer));
      } catch (error) {
        this.end("bad_frame", (error as Error).message);
      }
    });
    socket.addEventListener("close", () => this.#lost("the client closed its connection"));
    socket.addEventListener("error", () => this.#lost("the client's connection broke"));
    if (wanted.kind === "port") this.#open(wanted);
    else this.#tooLate = setTimeout(() => this.end("bad_frame", "no start came within 10 s"), START_MS);
  }

  /** Called once, when the socket is over. */
  onGone(gone: () => void): void {
    if (this.#over) gone();
    else this.#gone = gone;
  }

  /** Ends the stream for both sides. */
  end(code: StreamEnd, reason: string): void {
    if (this.#stream) this.#stream.end(code, reason);
    else this.#closed(code, reason);
  }

  /** Its tunnel is over. Its stream has ended with it; where there is none yet, this ends the wait for the first frame. */
  tunnelOver(tunnel: NodeTunnel, reason: string): void {
    if (tunnel === this.#tunnel && !this.#stream) this.end("node_disconnected", reason);
  }

  #text(text: string): void {
    if (text === PING) {
      this.#countMessage();
      this.#socket.send(PONG);
      return;
    }
    if (text.length > CONTROL_BYTES) throw new Error("a control message is too long");
    const json: unknown = JSON.parse(text);
    if (!this.#stream) {
      if (this.#wanted.kind === "exec") this.#open({ ...this.#wanted, start: startOf(json) });
      return;
    }
    const message = FromClient.parse(json);
    if (message.type === "close") this.#stream.end("client_gone", message.reason);
    else if (message.type === "credit") this.#stream.consumed(message.bytes);
    else {
      this.#countMessage();
      this.#stream.tell(message);
    }
  }

  /** @throws Error if there were too many */
  #countMessage(): void {
    const { bucket, retryAfter } = spend(this.#messages, MESSAGES, Date.now());
    this.#messages = bucket;
    if (retryAfter > 0) throw new Error("too many messages: a resize, signal or ping now and then is enough");
  }

  #binary(bytes: Uint8Array): void {
    if (channelAt(bytes, CLIENT_HEADER) !== CHANNEL.input)
      throw new Error("a binary frame must begin with the byte 0 and hold at most 65536 bytes of data");
    if (!this.#stream) throw new Error("data came before the stream was opened");
    this.#stream.input(bytes.subarray(CLIENT_HEADER));
  }

  #open(opening: Opening): void {
    if (this.#tunnel.isFull) {
      this.end("too_many_streams", "the tunnel to that node carries as many streams as it may");
      return;
    }
    const listener: StreamListener = {
      onData: (frame) => this.#socket.send(frame),
      onMessage: (message) => this.#socket.send(JSON.stringify(message)),
      onCredit: (bytes) => this.#socket.send(JSON.stringify({ type: "credit", bytes })),
      onClose: (code, reason) => this.#closed(code, reason),
    };
    this.#stream = this.#tunnel.open(opening, listener);
    clearTimeout(this.#tooLate ?? null);
  }

  #lost(reason: string): void {
    if (this.#over) return;
    this.end("client_gone", reason);
  }

  #closed(code: StreamEnd, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#tooLate ?? null);
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ type: "close", code, reason }));
      const closeCode =
        code === "done" ? ENDED.normal : code === "bad_frame" ? CLOSE.badMessage.code : ENDED.error;
      // RFC 6455, 5.5: a reason has at most 123 bytes of UTF-8.
      this.#socket.close(closeCode, code);
    }
    this.#gone();
  }
}

/** @throws Error that names the field */
function startOf(json: unknown): ExecStart {
  const start = ExecStart.safeParse(json);
  if (start.success) return start.data;
  const { path, message } = start.error.issues[0]!;
  throw new Error(`${path.join(".") || "the first frame"}: ${message}`);
}
