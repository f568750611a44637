/** One HTTP request to a web server in a container, or one WebSocket. */
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request as startRequest } from "node:http";
import type { Socket } from "node:net";
import type { OpenHttp } from "../../shared/streams/stream-messages.ts";
import type { Forwarders } from "../ports/forwarders.ts";
import { withPort } from "../ports/serve-port.ts";
import type { Find } from "../streams/enterable.ts";
import { pump } from "../streams/pump.ts";
import { type Serve, type Stream, StreamFailure } from "../streams/stream.ts";
import { answer, brokenOff } from "./answer.ts";
import { relayWebSocket } from "./relay-web-socket.ts";

/** For an answer's head. */
const HEAD_BYTES = 128 * 1024;

export function serveHttp(forwarders: Forwarders, find: Find): Serve<OpenHttp> {
  return async function serveOneRequest(stream, open) {
    await withPort(forwarders, find, open, stream.signal, async (socket) => {
      const leave = () => socket.destroy();
      stream.signal.addEventListener("abort", leave);
      try {
        stream.signal.throwIfAborted();
        stream.opened();
        await (open.webSocket ? relayWebSocket(stream, open, socket) : relayRequest(stream, open, socket));
      } finally {
        stream.signal.removeEventListener("abort", leave);
        leave();
      }
    });
  };
}

async function relayRequest(stream: Stream, open: OpenHttp, socket: Socket): Promise<void> {
  const request = startRequest({
    createConnection: () => socket,
    method: open.method,
    path: open.path,
    // As a list, so that Node sends them as they are.
    headers: [...open.headers, ["Connection", "close"]].flat() as unknown as Record<string, string>,
    maxHeaderSize: HEAD_BYTES,
  });
  const answered = once(request, "response") as Promise<[IncomingMessage]>;
  // Of the upload alone: a server may answer and close before it has read all.
  void sendBody(stream, request);
  try {
    const [response] = await answered;
    request.on("error", () => {});
    await answer(stream, response);
  } catch (error) {
    stream.signal.throwIfAborted();
    throw error instanceof StreamFailure ? error : brokenOff(error as Error);
  }
}

async function sendBody(stream: Stream, request: ClientRequest): Promise<void> {
  await pump(stream.input, request);
  if (!stream.signal.aborted) request.end();
}
