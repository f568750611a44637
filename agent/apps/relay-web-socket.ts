/** A WebSocket to a web server in a container; its messages go through the stream (shared/streams/socket-messages.ts). */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import WebSocket from "ws";
import { CHANNEL } from "../../shared/streams/frames.ts";
import {
  closeIn,
  closeMessage,
  encodeMessage,
  KIND,
  MESSAGE_BYTES,
  MessageReader,
  type SocketMessage,
} from "../../shared/streams/socket-messages.ts";
import type { OpenHttp } from "../../shared/streams/stream-messages.ts";
import { type Stream, StreamFailure } from "../streams/stream.ts";
import { answer, brokenOff, headOf } from "./answer.ts";

/** The library makes its own. */
const OF_ITS_OWN = new Set([
  "host",
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-extensions",
]);
const PROTOCOLS = "sec-websocket-protocol";

export async function relayWebSocket(stream: Stream, open: OpenHttp, socket: Socket): Promise<void> {
  const ws = new WebSocket(`ws://localhost:${open.port}${open.path}`, protocolsOf(open), {
    createConnection: () => socket,
    headers: headersOf(open),
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES,
  });
  // What comes before somebody listens would be lost.
  const down = new Down(ws, stream);
  const head = await handshake(ws);
  if (head.statusCode !== 101) return await answer(stream, head);
  stream.response(headOf(head));
  const leave = () => ws.terminate();
  stream.signal.addEventListener("abort", leave);
  try {
    stream.signal.throwIfAborted();
    await Promise.all([up(stream, ws), down.done]);
    stream.end();
  } finally {
    stream.signal.removeEventListener("abort", leave);
    leave();
  }
}

function protocolsOf({ headers }: OpenHttp): string[] {
  return headers
    .filter(([name]) => name.toLowerCase() === PROTOCOLS)
    .flatMap(([, value]) => value.split(",").map((each) => each.trim()));
}

function headersOf({ headers }: OpenHttp): Record<string, string> {
  const kept = headers.filter(([name]) => {
    const key = name.toLowerCase();
    return key !== PROTOCOLS && !OF_ITS_OWN.has(key);
  });
  return Object.fromEntries(kept);
}

/** Its answer: accepted, or not. @throws StreamFailure */
function handshake(ws: WebSocket): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    ws.once("upgrade", (head) => {
      // The library checks the answer after this event, and may still refuse it.
      ws.once("open", () => resolve(head));
    });
    ws.once("unexpected-response", (_request, head) => resolve(head));
    ws.on("error", (error) => reject(brokenOff(error)));
  });
}

/** Until the browser's side closes, or the app's has. */
async function up(stream: Stream, ws: WebSocket): Promise<void> {
  const reader = new MessageReader();
  for await (const piece of stream.input) {
    for (const message of reader.read(piece)) await send(ws, message);
    if (ws.readyState !== WebSocket.OPEN) break;
  }
  ws.close();
}

async function send(ws: WebSocket, { kind, payload }: SocketMessage): Promise<void> {
  if (ws.readyState !== WebSocket.OPEN) return;
  if (kind !== KIND.close) {
    // Its error is the socket's, which `close` tells.
    await new Promise<void>((resolve) => ws.send(payload, { binary: kind === KIND.binary }, () => resolve()));
    return;
  }
  const close = closeIn(payload);
  if (close) ws.close(close.code, Buffer.from(close.reason));
  else ws.close();
}

/** The app's messages, one after the other: while one waits for credit, the app's connection is not read. */
class Down {
  /** Resolves when the app's side is closed and all is sent. @throws the stream's reason */
  readonly done: Promise<void>;

  constructor(ws: WebSocket, stream: Stream) {
    let last = Promise.resolve();
    const pass = (bytes: Uint8Array) => {
      ws.pause();
      last = last.then(() => stream.write(CHANNEL.output, bytes)).finally(() => ws.resume());
      last.catch(() => {});
    };
    ws.on("message", (data: Buffer, isBinary) =>
      pass(encodeMessage(isBinary ? KIND.binary : KIND.text, data)),
    );
    this.done = new Promise((resolve, reject) => {
      ws.once("close", (code, reason) => {
        // No close frame came.
        if (code === 1006) last.catch(() => {}).then(() => reject(brokeOff()));
        else {
          pass(closeMessage({ code, reason }));
          last.then(resolve, reject);
        }
      });
    });
    this.done.catch(() => {});
  }
}

function brokeOff(): StreamFailure {
  return new StreamFailure("failed", "the app broke off its WebSocket");
}
