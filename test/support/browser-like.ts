/** Requests as a browser sends them to an app's host. No name server knows those hosts: the address is given apart from `Host`. */
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import WebSocket from "ws";

export interface Host {
  /** Where to connect, like `http://198.51.100.2:8787`. */
  at: string;
  /** With its port, unless that is the scheme's own. */
  name: string;
}

export interface Visit {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Asking {
  method?: string;
  headers?: Record<string, string>;
  body?: Buffer;
}

/** Resolves with the answer's head; its body is to be read. */
export function begin({ at, name }: Host, path: string, { method = "GET", headers = {}, body }: Asking = {}) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(new URL(path, at), { method, headers: { host: name, ...headers } }, resolve);
    asked.on("error", reject);
    asked.end(body);
  });
}

/** @throws where the answer breaks off */
export async function visit(host: Host, path: string, asking: Asking = {}): Promise<Visit> {
  const answer = await begin(host, path, asking);
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return { status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(pieces) };
}

/** Resolves once it is open. @throws Error with the status of a refusal */
export function openSocket(
  { at, name }: Host,
  path: string,
  headers: Record<string, string> = {},
  protocols: string[] = [],
): Promise<WebSocket> {
  const url = new URL(path, at);
  url.protocol = "ws:";
  const socket = new WebSocket(url, protocols, { headers: { Host: name, ...headers } });
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(socket));
    socket.once("unexpected-response", (_request, answer) => {
      reject(new Error(String(answer.statusCode)));
      socket.terminate();
    });
    socket.on("error", reject);
  });
}

/** The next message, and whether it is binary. */
export function nextMessage(socket: WebSocket): Promise<[Buffer, boolean]> {
  return new Promise((resolve) => socket.once("message", (data: Buffer, binary) => resolve([data, binary])));
}

/** Its close code and reason. */
export function closeOf(socket: WebSocket): Promise<[number, string]> {
  return new Promise((resolve) => socket.once("close", (code, reason) => resolve([code, reason.toString()])));
}
