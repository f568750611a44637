/** The sockets of a Link object and the state of each, stored in attachments, which survive hibernation. */

/**
 * `challenged`: it has not proven its key yet. `greeting`: proven, its welcome is being prepared. `dropped`: closed by us, even if the
 * agent has not answered.
 */
export interface SocketState {
  fleet: string;
  node: string;
  nonce: string;
  /** The key that it has to prove or, after a rotation, the new one. */
  publicKey: string;
  state: "challenged" | "greeting" | "ready" | "dropped";
  /** ms since 1970. */
  since: number;
  /** Fleet's number of this connection; 0 before it is proven. */
  connection: number;
  /** Number of the last join or leave that its agent received. */
  nodesChange: number;
}

export interface Close {
  code: number;
  reason: string;
}

/** Accepts and closes: an agent can read a close code, but not the reason for a refused upgrade. */
export function turnAway({ code, reason }: Close): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(code, reason);
  return new Response(null, { status: 101, webSocket: client });
}

export class LinkSockets {
  readonly #ctx: DurableObjectState;
  /** Frames that came for a socket while its welcome was being prepared. */
  readonly #late = new WeakMap<WebSocket, string[]>();

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  accept(socket: WebSocket, state: SocketState): void {
    // The tag finds a node's sockets without a scan of all sockets.
    this.#ctx.acceptWebSocket(socket, [state.node]);
    socket.serializeAttachment(state);
  }

  state(socket: WebSocket): SocketState {
    return socket.deserializeAttachment() as SocketState;
  }

  /** Changes the state of a socket. */
  set(socket: WebSocket, change: Partial<SocketState>): void {
    socket.serializeAttachment({ ...this.state(socket), ...change });
  }

  /** Sockets that we have not closed: of one node, or all. */
  open(node?: string): WebSocket[] {
    return this.#ctx
      .getWebSockets(node)
      .filter((socket) => socket.readyState === WebSocket.OPEN && this.state(socket).state !== "dropped");
  }

  /** All sockets that take a descriptor, including closing ones. */
  count(): number {
    return this.#ctx.getWebSockets().length;
  }

  /** The node's link that is up, or soon will be. */
  linked(node: string): WebSocket | undefined {
    const proven = this.open(node).filter((socket) => this.state(socket).state !== "challenged");
    return proven.toSorted((a, b) => this.state(b).connection - this.state(a).connection)[0];
  }

  /** Last sign of life, ms since 1970. It includes pings, which the platform answers itself and which prove nothing. */
  seenAt(socket: WebSocket): number {
    const { state, since } = this.state(socket);
    if (state === "challenged") return since;
    return Math.max(since, this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0);
  }

  /** Makes it the node's link. Frames for it are held until its welcome is sent. Does nothing if it was dropped meanwhile. */
  greet(socket: WebSocket, connection: number): void {
    if (this.state(socket).state === "dropped") return;
    this.#late.set(socket, []);
    this.set(socket, { state: "greeting", connection });
  }

  /** Sends the welcome, then the frames that came meanwhile. Does nothing if it was dropped meanwhile. */
  welcome(socket: WebSocket, frame: string): void {
    if (this.state(socket).state !== "greeting") return;
    this.set(socket, { state: "ready" });
    for (const text of [frame, ...(this.#late.get(socket) ?? [])]) socket.send(text);
    this.#late.delete(socket);
  }

  send(socket: WebSocket, frame: string): void {
    const { state } = this.state(socket);
    if (state === "ready") socket.send(frame);
    else if (state === "greeting") this.#late.get(socket)?.push(frame);
  }

  /** Sends also before its welcome. */
  sendAtOnce(socket: WebSocket, frame: string): void {
    const { state } = this.state(socket);
    if (state === "ready" || state === "greeting") socket.send(frame);
  }

  drop(socket: WebSocket, { code, reason }: Close): void {
    this.gone(socket);
    socket.close(code, reason);
  }

  gone(socket: WebSocket): void {
    this.set(socket, { state: "dropped" });
  }
}
