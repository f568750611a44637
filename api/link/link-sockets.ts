/** A node's sockets, and how far each is: kept in their attachments, which outlive hibernation. */

/** `greeting`: proven, its welcome is being put together. `dropped`: closed by us, whatever the other side does. */
export interface Link {
  node: string;
  nonce: string;
  /** The key that has proven it, or replaced that one since; "" before. */
  publicKey: string;
  state: "challenged" | "greeting" | "ready" | "dropped";
  /** ms since 1970. */
  since: number;
}

/** Accepts and closes: an agent can read a close code, but not why its dialling was refused. */
export function turnAway({ code, reason }: { code: number; reason: string }): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(code, reason);
  return new Response(null, { status: 101, webSocket: client });
}

export class Sockets {
  readonly #ctx: DurableObjectState;
  /** What came for a socket while its welcome was put together. */
  readonly #late = new WeakMap<WebSocket, string[]>();

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  accept(socket: WebSocket, link: Link): void {
    this.#ctx.acceptWebSocket(socket);
    socket.serializeAttachment(link);
  }

  link(socket: WebSocket): Link {
    return socket.deserializeAttachment() as Link;
  }

  /** All that we have not closed. */
  open(): WebSocket[] {
    return this.#ctx
      .getWebSockets()
      .filter((socket) => socket.readyState === WebSocket.OPEN && this.link(socket).state !== "dropped");
  }

  ready(): WebSocket | undefined {
    return this.open().find((socket) => this.link(socket).state === "ready");
  }

  /** When it was last heard of, pings included (which no code of ours sees). */
  seenAt(socket: WebSocket): number {
    return Math.max(
      this.link(socket).since,
      this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0,
    );
  }

  /** It is the node's, by this key. From now on frames are kept for it. */
  greet(socket: WebSocket, publicKey: string): void {
    this.rekey(socket, publicKey);
    this.#enter(socket, "greeting");
    this.#late.set(socket, []);
  }

  /** Sends the welcome, then what came meanwhile. Nothing where it was dropped meanwhile. */
  welcome(socket: WebSocket, frame: string): void {
    if (this.link(socket).state !== "greeting") return;
    this.#enter(socket, "ready");
    for (const text of [frame, ...(this.#late.get(socket) ?? [])]) socket.send(text);
    this.#late.delete(socket);
  }

  /** To the link that is up, or about to be. */
  send(frame: string): void {
    for (const socket of this.open()) {
      const { state } = this.link(socket);
      if (state === "greeting") this.#late.get(socket)?.push(frame);
      else if (state === "ready") socket.send(frame);
    }
  }

  rekey(socket: WebSocket, publicKey: string): void {
    socket.serializeAttachment({ ...this.link(socket), publicKey });
  }

  drop(socket: WebSocket, { code, reason }: { code: number; reason: string }): void {
    this.gone(socket);
    socket.close(code, reason);
  }

  gone(socket: WebSocket): void {
    this.#enter(socket, "dropped");
  }

  #enter(socket: WebSocket, state: Link["state"]): void {
    socket.serializeAttachment({ ...this.link(socket), state });
  }
}
