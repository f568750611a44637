/** A client's WebSocket for one stream, frame by frame, against a real API: it may also send what no client would. */
import { once } from "node:events";
import type { Socket } from "node:net";
import WebSocket from "ws";
import { CHANNEL } from "../../shared/streams/frames.ts";
import type { ApiClient } from "./server.ts";

/** A message of the API, or bytes on a channel. */
export type Heard = { text: string } | { channel: number; bytes: Buffer };

export interface Offer {
  headers?: Record<string, string>;
  protocols?: string[];
}

export class ClientSocket {
  readonly closed: Promise<{ code: number; reason: string }>;
  /** The HTTP status of a refused upgrade; 0: there was none. */
  refused = 0;
  /** The body of that answer. */
  answer = "";
  onHeard: (heard: Heard) => void = () => {};
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
    });
    socket.on("unexpected-response", async (_request, response) => {
      this.refused = response.statusCode!;
      this.answer = (await response.setEncoding("utf8").toArray()).join("");
      socket.terminate();
    });
    // `close` follows.
    socket.on("error", () => {});
    socket.on("message", (data: Buffer, isBinary: boolean) =>
      this.onHeard(isBinary ? { channel: data[0]!, bytes: data.subarray(1) } : { text: String(data) }),
    );
  }

  /** As the admin, unless the offer has other headers. */
  static async dial(
    api: ApiClient,
    path: string,
    { headers, protocols = [] }: Offer = {},
  ): Promise<ClientSocket> {
    const socket = new WebSocket(api.server.url.replace("http", "ws") + path, protocols, {
      perMessageDeflate: false,
      headers: headers ?? { authorization: `Bearer ${api.server.token}` },
    });
    const dialled = new ClientSocket(socket);
    await Promise.race([once(socket, "open").catch(() => {}), dialled.closed]);
    return dialled;
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Bytes that wait to be sent. */
  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  say(message: object): void {
    this.raw(JSON.stringify(message));
  }

  data(bytes: Uint8Array, channel: number = CHANNEL.input): void {
    this.raw(Buffer.concat([Buffer.from([channel]), bytes]));
  }

  /** A Buffer with `binary: false` goes as a text frame, whatever is in it. */
  raw(data: string | Uint8Array, binary = typeof data !== "string"): void {
    if (this.open) this.#socket.send(data, { binary }, () => {});
  }

  /** Stops reading. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(code = 1000): void {
    this.#socket.close(code);
  }

  /** Ends without a close frame. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Ends the TCP connection's own direction, without a close frame. */
  halfClose(): void {
    (this.#socket as unknown as { _socket: Socket })._socket.end();
  }
}
