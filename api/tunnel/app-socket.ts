/** A browser's WebSocket to an app: messages between its socket here and the app's at the agent (shared/streams/socket-messages.ts). */
import type { StreamEnd } from "../../shared/streams/ends.ts";
import {
  closeIn,
  closeMessage,
  encodeMessage,
  KIND,
  MESSAGE_BYTES,
  MessageReader,
  type SocketMessage,
} from "../../shared/streams/socket-messages.ts";
import type { ByteStream } from "./byte-stream.ts";
import { Pace } from "./pace.ts";

/** As for a client's other streams (client-socket.ts): the code of the stream's end is the reason. */
const ENDED = 4100;
/** No close frame came. */
const ABNORMAL = 1006;
/** What may wait for an app that does not read: a browser cannot be told to wait. */
const MOST_WAITING = MESSAGE_BYTES + 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `socket` is accepted. Both end together. */
export function relayAppSocket(socket: WebSocket, stream: ByteStream): void {
  const up = new Up(stream);
  socket.addEventListener("message", ({ data }) =>
    up.send(
      typeof data === "string"
        ? encodeMessage(KIND.text, encoder.encode(data))
        : encodeMessage(KIND.binary, new Uint8Array(data as ArrayBuffer)),
    ),
  );
  socket.addEventListener("error", () => stream.end("client_gone", "the browser's connection broke"));
  socket.addEventListener("close", ({ code, reason }) => {
    if (code === ABNORMAL) stream.end("client_gone", "the browser's connection broke");
    else up.close(closeMessage({ code, reason: encoder.encode(reason) }));
  });
  void down(stream, socket).then((close) => {
    up.end();
    finish(socket, close);
  });
}

/** The browser's messages, in order, as fast as the app takes them. */
class Up {
  readonly #stream: ByteStream;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  send(bytes: Uint8Array): void {
    this.#waiting += bytes.length;
    if (this.#waiting > MOST_WAITING) {
      this.#stream.end("over_credit", "the app does not read what the browser sends");
      return;
    }
    this.#last = this.#last.then(async () => {
      await this.#stream.write(bytes);
      this.#waiting -= bytes.length;
    });
  }

  close(message: Uint8Array): void {
    this.send(message);
    this.end();
  }

  end(): void {
    this.#last = this.#last.then(() => this.#stream.sentAll());
  }
}

interface CloseFrame {
  code?: number;
  reason: string;
}

/** Passes the app's messages on until its close, or the stream's end. Resolves to how to close the browser's socket. */
async function down(stream: ByteStream, socket: WebSocket): Promise<CloseFrame> {
  const reader = new MessageReader();
  const pace = new Pace();
  try {
    for (let bytes = await stream.next(); bytes; bytes = await stream.next()) {
      for (const message of reader.read(bytes)) {
        if (message.kind === KIND.close) return closeFrame(message);
        if (socket.readyState === WebSocket.OPEN) send(socket, message);
        await pace.after(message.payload.length);
      }
    }
  } catch (error) {
    stream.end("bad_frame", (error as Error).message);
  }
  await stream.over;
  const code: StreamEnd = stream.ended!.code;
  return code === "done" ? { reason: "" } : { code: ENDED, reason: code };
}

function closeFrame({ payload }: SocketMessage): CloseFrame {
  const close = closeIn(payload);
  return close ? { code: close.code, reason: decoder.decode(close.reason) } : { reason: "" };
}

function send(socket: WebSocket, { kind, payload }: SocketMessage): void {
  socket.send(kind === KIND.text ? decoder.decode(payload) : payload);
}

function finish(socket: WebSocket, { code, reason }: CloseFrame): void {
  if (socket.readyState !== WebSocket.OPEN && socket.readyState !== WebSocket.CLOSING) return;
  try {
    if (code === undefined) socket.close();
    else socket.close(code, reason);
  } catch {
    // Closed meanwhile, or a code that the platform does not send.
  }
}
