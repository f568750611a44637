/** A WebSocket that a node dials for tests against a real API: what a link and a tunnel have in common. */
import { once } from "node:events";
import WebSocket from "ws";
import { PING } from "../../shared/protocol/protocol.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import type { ApiClient } from "./server.ts";

export abstract class AgentSocket {
  /** The close code and reason; 1006: there was no close frame, or no WebSocket. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Why there is no WebSocket, as the error of `ws`; "": there is one, or was. */
  failure = "";
  /** Milliseconds to wait before the next dial (Retry-After). */
  afterMs = 0;
  /** Time of the last frame, on performance's clock. */
  heardAt = performance.now();
  protected readonly socket: WebSocket;

  protected constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
    });
    socket.on("unexpected-response", (_request, { statusCode, headers }) => {
      this.failure = `Unexpected server response: ${statusCode}`;
      this.afterMs = Number(headers["retry-after"] ?? 0) * 1000;
      socket.terminate();
    });
    // `close` follows.
    socket.on("error", ({ message }) => {
      this.failure ||= message;
    });
  }

  /** The HTTP status of a refused upgrade; 0: there was none. */
  get refused(): number {
    return Number(/^Unexpected server response: (\d+)$/.exec(this.failure)?.[1] ?? 0);
  }

  get open(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** Resolves once it is open, or refused. */
  protected async dialled(): Promise<this> {
    await Promise.race([once(this.socket, "open").catch(() => {}), this.closed]);
    return this;
  }

  ping(): void {
    if (this.open) this.socket.send(PING, () => {});
  }

  close(code = 1000): void {
    this.socket.close(code);
  }

  /** Ends without a close frame. */
  cut(): void {
    this.socket.terminate();
  }
}

/** `path`: with its query. */
export function dialAsAgent(api: ApiClient, path: string): WebSocket {
  const url = api.server.url.replace("http", "ws") + path;
  return new WebSocket(url, {
    perMessageDeflate: false,
    handshakeTimeout: CONSTANTS.pingSeconds * 1000,
  });
}
