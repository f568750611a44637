/** Opens streams: dials the API's WebSockets with the token as a subprotocol, since browsers allow no headers there. */
import { RemoteStream } from "./remote-stream.ts";

export interface Way {
  /** Where the API is, like `http://127.0.0.1:8787`. */
  api: string;
  token: string | undefined;
  /** Makes a WebSocket; the platform's own unless given. */
  webSocket(url: URL, protocols: string[]): WebSocket | Promise<WebSocket>;
  /** With the token. */
  headers: Record<string, string>;
  /** The API's answer to a request that it refused, as an error. */
  problem(response: Response): Promise<Error>;
}

/** What to run, as `ExecStart` of docs/streams.md. */
export interface Command {
  command: string[];
  /** The size of a terminal to run it in; null or missing: stdout and stderr stay apart. */
  tty?: { cols: number; rows: number } | null;
  env?: Record<string, string>;
  user?: string;
  workdir?: string;
}

/** A container: the session's id or name, and the host, `main1` unless given. */
export interface Container {
  session: string;
  host?: string;
}

export interface Streams {
  /** Runs a command in a container. @throws ApiProblem before it begins; TypeError if the API does not answer */
  exec(container: Container, command: Command): Promise<RemoteStream>;
  /** One TCP connection to a port of a container. @throws as `exec` */
  connect(container: Container, port: number): Promise<RemoteStream>;
}

export function streamsOf(way: Way): Streams {
  return {
    exec: (container, command) => dial(way, pathOf(container, "exec"), { type: "start", ...command }),
    connect: (container, port) => dial(way, pathOf(container, `ports/${port}`)),
  };
}

function pathOf({ session, host = "main1" }: Container, what: string): string {
  return `/v1/sessions/${encodeURIComponent(session)}/containers/${encodeURIComponent(host)}/${what}`;
}

async function dial(way: Way, path: string, start?: object): Promise<RemoteStream> {
  const url = new URL(path, way.api);
  const protocols = ["skein.v1"];
  if (way.token !== undefined) protocols.push(`base64url.bearer.authorization.skein.${base64Url(way.token)}`);
  const socketUrl = new URL(url);
  socketUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = await way.webSocket(socketUrl, protocols);
  const stream = await new Promise<RemoteStream | undefined>((resolve) => {
    // In the listener: frames that came together with the handshake are events before an `await` goes on, and would be lost.
    socket.addEventListener("open", () => resolve(new RemoteStream(socket, start)), { once: true });
    socket.addEventListener("error", () => resolve(undefined), { once: true });
  });
  if (stream) return stream;
  // A WebSocket does not show why it was refused. The same request without an upgrade gets the problem as its answer.
  throw await way.problem(await fetch(url, { headers: way.headers }));
}

function base64Url(text: string): string {
  const binary = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
