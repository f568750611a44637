/** Passes one request on to an app. */
import { type IncomingMessage, type RequestOptions, request as startRequest } from "node:http";
import type { Duplex } from "node:stream";
import { type AppPlace, fromApp, type HeaderPair, towardsApp } from "../../shared/apps/app-headers.ts";
import type { StreamAgent } from "./stream-agent.ts";

export interface Sent {
  answer?: IncomingMessage;
  /** In place of an answer where the app has accepted a WebSocket; `head`: its first bytes. */
  upgraded?: { answer: IncomingMessage; socket: Duplex; head: Buffer };
}

const HEAD_BYTES = 128 * 1024;

/** Resolves with the answer's head. @throws what Node's HTTP client throws */
export async function send(request: IncomingMessage, place: AppPlace, agent: StreamAgent): Promise<Sent> {
  const options: RequestOptions = {
    agent,
    method: request.method!,
    path: request.url!,
    // As a list, so that Node sends them as they are.
    headers: [...towardsApp(pairsOf(request.rawHeaders), place), ...framing(request)].flat() as never,
    maxHeaderSize: HEAD_BYTES,
  };
  for (;;) {
    const outgoing = startRequest(options);
    const hasBody = request.headers["content-length"] !== undefined || isChunked(request);
    if (hasBody) request.pipe(outgoing);
    else outgoing.end();
    // A browser that leaves.
    const leave = () => outgoing.destroy();
    request.socket.once("close", leave);
    try {
      return await answerOf(outgoing);
    } catch (error) {
      // The app may close a kept connection just when it is used again (RFC 9112, 9.3.1).
      const mayRepeat =
        outgoing.reusedSocket && !hasBody && (error as NodeJS.ErrnoException).code === "ECONNRESET";
      if (!mayRepeat || !/^(GET|HEAD)$/.test(request.method!)) throw error;
    } finally {
      outgoing.once("close", () => request.socket.off("close", leave));
    }
  }
}

/** Headers of one connection, which were left out. */
function framing(request: IncomingMessage): HeaderPair[] {
  if (request.headers.upgrade?.toLowerCase() === "websocket")
    return [
      ["Connection", "Upgrade"],
      ["Upgrade", "websocket"],
    ];
  const chunked: HeaderPair[] = isChunked(request) ? [["Transfer-Encoding", "chunked"]] : [];
  return [...chunked, ["Connection", "keep-alive"]];
}

function isChunked({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined;
}

function answerOf(outgoing: ReturnType<typeof startRequest>): Promise<Sent> {
  return new Promise((resolve, reject) => {
    outgoing.once("response", (answer) => resolve({ answer }));
    outgoing.once("upgrade", (answer, socket, head) => resolve({ upgraded: { answer, socket, head } }));
    outgoing.on("error", reject);
  });
}

/** The app's headers, for the browser. */
export function headersFrom({ rawHeaders }: IncomingMessage, place: AppPlace): HeaderPair[] {
  return fromApp(pairsOf(rawHeaders), place);
}

function pairsOf(raw: readonly string[]): HeaderPair[] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]!, raw[2 * i + 1]!]);
}
