/** One request of a browser to an app, as a stream of the kind `http`. */
import { fromApp, type HeaderPair, towardsApp } from "../../shared/apps/app-headers.ts";
import { type ErrorCode, SkeinError } from "../../shared/errors/errors.ts";
import type { StreamEnd } from "../../shared/streams/ends.ts";
import { type HttpResponse, OpenHttp } from "../../shared/streams/stream-messages.ts";
import { pulledStream } from "../platform/pulled-stream.ts";
import { relayAppSocket } from "./app-socket.ts";
import { ByteStream } from "./byte-stream.ts";
import type { AppDial } from "./dials.ts";
import { problemOf } from "./files-stream.ts";
import type { NodeTunnel, Opening } from "./node-tunnel.ts";

export interface AppWays {
  /** Whether a bearer token is the API's. */
  isOurs(token: string): boolean;
  /** Accepts a socket, and counts it. */
  accept(socket: WebSocket): void;
  /** Hears of the stream as soon as it is open. */
  onStream(stream: ByteStream): void;
}

/** @throws SkeinError `app_unreachable`, `invalid_request`, and as for files */
export async function requestApp(
  tunnel: NodeTunnel,
  request: Request,
  { app }: AppDial,
  ways: AppWays,
): Promise<Response> {
  const stream = new ByteStream(tunnel, openingOf(request, app, ways.isOurs));
  ways.onStream(stream);
  const isSocket = wantsSocket(request);
  if (isSocket) void stream.opened();
  else void sendBody(request.body, stream);
  const head = await stream.said("response");
  if (!head) throw problem(stream);
  const headers = fromApp(head.headers, app);
  return isSocket && head.status === 101
    ? socketAnswer(headers, stream, ways)
    : plainAnswer(request, head, headers, stream);
}

function wantsSocket(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

function openingOf(request: Request, app: AppDial["app"], isOurs: AppWays["isOurs"]): Opening {
  const { pathname, search } = new URL(request.url);
  const opening = {
    kind: "http" as const,
    host: app.host,
    port: app.port,
    method: request.method,
    path: pathname + search,
    headers: [...towardsApp([...request.headers], app, isOurs), ...framing(request)].map(
      ([name, value]): [string, string] => [name, value],
    ),
    webSocket: wantsSocket(request),
  };
  // A message that the agent does not understand would end its tunnel.
  const { error } = OpenHttp.safeParse({ ...opening, type: "open", window: 1 });
  if (error) {
    const { path, message } = error.issues[0]!;
    throw new SkeinError(
      "invalid_request",
      `this request cannot be passed on: ${path.join(".")}: ${message}`,
    );
  }
  return opening;
}

/** Headers of one connection end here. A body needs one all the same: the app would take it for another request. */
function framing({ body, headers }: Request): HeaderPair[] {
  return body !== null && !headers.has("content-length") ? [["Transfer-Encoding", "chunked"]] : [];
}

async function sendBody(body: ReadableStream<Uint8Array> | null, stream: ByteStream): Promise<void> {
  await stream.opened();
  if (body) {
    try {
      for await (const bytes of body) {
        await stream.write(bytes);
        if (stream.ended) break;
      }
    } catch {
      stream.end("client_gone", "the browser broke off its request");
    }
  }
  stream.sentAll();
}

/** Of these only the app is at fault. */
const CODES: Partial<Record<StreamEnd, ErrorCode>> = {
  refused: "app_unreachable",
  failed: "app_unreachable",
};

function problem({ ended }: ByteStream): SkeinError {
  const code = CODES[ended!.code];
  return code === undefined ? problemOf(ended!) : new SkeinError(code, ended!.reason);
}

/** Answers with these have no body (Fetch standard, "null body status"). */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

function plainAnswer(
  { method }: Request,
  { status }: Pick<HttpResponse, "status">,
  headers: HeaderPair[],
  stream: ByteStream,
): Response {
  // A server that changes protocols without having been asked to.
  if (status < 200) {
    stream.end("failed", "");
    throw new SkeinError("app_unreachable", `the app answered with the status ${status}`);
  }
  const body = method === "HEAD" || WITHOUT_BODY.has(status) ? null : bodyOf(stream, headers);
  // What the app has compressed stays as it is.
  return new Response(body, { status, headers: [...headers] as [string, string][], encodeBody: "manual" });
}

function bodyOf(stream: ByteStream, headers: readonly HeaderPair[]): ReadableStream<Uint8Array> {
  const header = (wanted: string) => headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
  const length = header("content-length");
  const isEvents =
    /^text\/event-stream\b/i.test(header("content-type") ?? "") && header("content-encoding") === undefined;
  const pulse = isEvents && length === undefined ? new EventPulse() : undefined;
  const body = pulledStream({
    async next() {
      while (pulse && !(await stream.arrives(PULSE_SECONDS))) if (pulse.isBetweenLines) return COMMENT;
      const bytes = await stream.next();
      if (bytes === undefined && !stream.isWhole) throw problem(stream);
      if (bytes) pulse?.passed(bytes);
      return bytes;
    },
    close: () => stream.end("client_gone", "the browser has all, or is gone"),
  });
  return length !== undefined && /^\d{1,15}$/.test(length)
    ? body.pipeThrough(new FixedLengthStream(Number(length)))
    : body;
}

const PULSE_SECONDS = 5;
/** A comment, which readers of server-sent events skip (HTML standard, 9.2.6). */
const COMMENT = ":\n";

/** workerd sees that a browser has left only when it writes. So events that are far apart have comments between them. */
class EventPulse {
  isBetweenLines = true;

  passed(bytes: Uint8Array): void {
    this.isBetweenLines = bytes.at(-1) === 0x0a;
  }
}

function socketAnswer(headers: HeaderPair[], stream: ByteStream, { accept }: AppWays): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  accept(server);
  relayAppSocket(server, stream);
  const passed = headers.filter(([name]) => /^(sec-websocket-protocol|set-cookie)$/i.test(name));
  return new Response(null, { status: 101, webSocket: client, headers: [...passed] as [string, string][] });
}
