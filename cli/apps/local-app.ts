/**
 * An app on this machine: an HTTP server on loopback that passes requests on to a port of a container. Its origin is `APP--ID.localhost`, so
 * that a browser keeps the app's pages from those of other apps.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AppPlace } from "../../shared/apps/app-headers.ts";
import { type AppHost, appHostName, LOCALHOST } from "../../shared/apps/app-host.ts";
import { isOwnPage } from "../../shared/apps/own-page.ts";
import { headersFrom, send } from "./send.ts";
import { type ConnectionsOptions, StreamAgent } from "./stream-agent.ts";

export interface LocalAppOptions extends ConnectionsOptions {
  app: AppHost;
  /** The port on this machine, at 127.0.0.1; 0: a free one. */
  local: number;
}

export interface LocalApp {
  origin: string;
  /** Ends it with all its connections. */
  close(): void;
}

/** For a request's head: some apps have many cookies. */
const HEAD_BYTES = 128 * 1024;

/** Resolves when it listens. @throws what Node's `listen` throws, like EADDRINUSE */
export async function serveAppHere({ app, local, ...options }: LocalAppOptions): Promise<LocalApp> {
  const agent = new StreamAgent(options);
  // An upload may take hours.
  const server = createServer({ maxHeaderSize: HEAD_BYTES, requestTimeout: 0 });
  await listen(server, local);
  const { port } = server.address() as AddressInfo;
  const place: AppPlace = { origin: originOf(app, port), port: options.port };
  server.on("request", (request, response) => void pass(request, response, place, agent));
  server.on("upgrade", (request, socket, head) => void upgrade(request, socket, head, place, agent));
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return {
    origin: place.origin,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      agent.destroy();
    },
  };
}

function listen(server: Server, local: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(local, "127.0.0.1", resolve);
  });
}

function originOf(app: AppHost, port: number): string {
  return `http://${appHostName(app, LOCALHOST)}${port === 80 ? "" : `:${port}`}`;
}

/** Why a request is not for the app; undefined if it is. Another page can make a browser come here, by a name of its own (DNS rebinding) or by ours. */
function objection(request: IncomingMessage, { origin }: AppPlace): string | undefined {
  const { host = "" } = request.headers;
  if (`http://${host.toLowerCase()}` !== origin) return "open the address that skein open has printed";
  const header = (name: string) => request.headers[name] as string | undefined;
  if (!isOwnPage({ method: request.method!, header }, origin)) return "another page may not use this app";
  return undefined;
}

async function pass(
  request: IncomingMessage,
  response: ServerResponse,
  place: AppPlace,
  agent: StreamAgent,
): Promise<void> {
  const why = objection(request, place);
  if (why !== undefined) return refuse(response, 403, why);
  try {
    const { answer } = await send(request, place, agent);
    if (!answer) return refuse(response, 502, "the app has changed protocols without having been asked to");
    response.writeHead(answer.statusCode!, answer.statusMessage, headersFrom(answer, place).flat());
    // Server-sent events: the first may be a long time coming.
    response.flushHeaders();
    await pipeline(answer, response);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else refuse(response, 502, `the app does not answer: ${(error as Error).message}`);
  }
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(`${why}\n`);
}

async function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  place: AppPlace,
  agent: StreamAgent,
): Promise<void> {
  socket.on("error", () => {});
  const why = objection(request, place);
  if (why !== undefined) return refuseUpgrade(socket, "403 Forbidden", why);
  try {
    const { answer, upgraded } = await send(request, place, agent);
    if (!upgraded) {
      const line = `${answer!.statusCode} ${answer!.statusMessage}`;
      socket.write(headText(line, [...headersFrom(answer!, place), ["Connection", "close"]]));
      await pipeline(answer!, socket);
      return;
    }
    const names: [string, string][] = [
      ["Connection", "Upgrade"],
      ["Upgrade", "websocket"],
    ];
    socket.write(headText("101 Switching Protocols", [...headersFrom(upgraded.answer, place), ...names]));
    socket.write(upgraded.head);
    upgraded.socket.write(head);
    await Promise.all([pipeline(socket, upgraded.socket), pipeline(upgraded.socket, socket)]);
  } catch {
    // Its way is lost, or one side left. The browser's script hears of its close.
    socket.destroy();
  }
}

function refuseUpgrade(socket: Duplex, line: string, why: string): void {
  socket.end(`${headText(line, [["Connection", "close"]])}${why}\n`);
}

function headText(line: string, headers: readonly (readonly [string, string])[]): string {
  return `HTTP/1.1 ${line}\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
