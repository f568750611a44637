/**
 * A Link object: the sockets of about a hundred nodes. It stores nothing. Fleet knows which nodes are ready, Sessions say what a node has
 * to do; a Link carries the messages of both. Sockets hibernate, so their attachments hold what must survive. It has no alarm: Fleet
 * regularly asks every Link which links are up ({@link Link.sweep}). So an idle node costs neither an alarm nor a write.
 */
import { DurableObject } from "cloudflare:workers";
import {
  CLOSE,
  type Hello,
  PING,
  PONG,
  PROTOCOL,
  type Report,
  type Rotate,
} from "../../shared/protocol/protocol.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import { randomText } from "../platform/hash.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { logError } from "../platform/log-error.ts";
import { type Connected, frameOf, type LinkSweep, type Words } from "../platform/messages.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { type Close, LinkSockets, turnAway } from "./link-sockets.ts";
import { proves, provesNew } from "./node-key.ts";
import { greetingBegins, noteLinks, openLinks } from "./open-links.ts";
import { readFrame } from "./read-agent-frame.ts";
import { sendNodeChanges } from "./send-node-changes.ts";

/** Most connections of one node that have not proven its key yet. */
const MOST_SILENT = 4;

export class Link extends DurableObject<Cloudflare.Env> {
  readonly #sockets: LinkSockets;
  /** A socket's frames are handled one after the other: each report holds the whole state, so the newest must be handled last. */
  readonly #lines = new WeakMap<WebSocket, Promise<void>>();
  /** Ends the count of a socket as connecting. */
  readonly #greetings = new WeakMap<WebSocket, () => void>();
  /** Entries `node session`: the session holds something on the node. */
  readonly #work = new Set<string>();
  /** Sockets that wait for Fleet's answer: Fleet may count a connection whose number is not known here yet. */
  readonly #connecting = new Set<WebSocket>();

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#sockets = new LinkSockets(ctx);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    this.#count();
  }

  /** An agent dials: `?node=ID`. It may do nothing before it has proven its key. */
  override async fetch(request: Request): Promise<Response> {
    const node = new URL(request.url).searchParams.get("node")!;
    const identity = await fleetOf(this.env).identityOf(node);
    if (!identity) return turnAway(CLOSE.unknownNode);
    this.#makeWay(node);
    const { fleet, publicKey } = identity;
    const { 0: client, 1: server } = new WebSocketPair();
    const nonce = randomText();
    const since = Date.now();
    const state = "challenged";
    this.#sockets.accept(server, {
      fleet,
      node,
      nonce,
      publicKey,
      state,
      since,
      connection: 0,
      nodesChange: 0,
    });
    server.send(JSON.stringify({ type: "challenge", protocol: PROTOCOL, fleet, nonce }));
    this.#count();
    this.#greetings.set(server, greetingBegins());
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Anybody may dial as a node and send nothing. The oldest such connections make way, so that they cannot use up the sockets. */
  #makeWay(node: string): void {
    const silent = this.#sockets
      .open(node)
      .filter((socket) => this.#sockets.state(socket).state === "challenged");
    for (const socket of silent.slice(0, Math.max(0, silent.length + 1 - MOST_SILENT))) {
      this.#sockets.drop(socket, CLOSE.resync);
      this.#greetings.get(socket)?.();
    }
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const line = (this.#lines.get(socket) ?? Promise.resolve()).then(async () => {
      try {
        await this.#take(socket, data);
      } catch (error) {
        logError("a frame could not be handled:", error);
        await this.#end(socket, CLOSE.resync);
      }
    });
    this.#lines.set(socket, line);
    return line;
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    // Answers the agent's close frame, so that the agent does not wait for one in vain.
    if (socket.readyState !== WebSocket.CLOSED) socket.close();
    await this.#gone(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await this.#gone(socket);
  }

  /** From a Session: assignments for nodes here. A node whose link is down gets them with its next welcome. */
  async assign(all: Words): Promise<void> {
    const linked = all.words.flatMap((word) => {
      this.#work.add(workKey(word.node, all.session));
      const socket = this.#sockets.linked(word.node);
      return socket ? [{ word, socket }] : [];
    });
    const behind = linked.filter(({ word }) => word.part !== undefined).map(({ socket }) => socket);
    await sendNodeChanges(this.env, this.#sockets, behind, all.nodesChange);
    for (const { word, socket } of linked) this.#sockets.send(socket, frameOf(word, all));
  }

  /** From a Tunnel: asks the node's agent for a tunnel of that session. False if its link is down. */
  wantTunnel(node: string, session: string): boolean {
    const socket = this.#sockets.linked(node);
    if (socket) this.#sockets.send(socket, JSON.stringify({ type: "tunnel", session }));
    return socket !== undefined;
  }

  /** From Fleet: these nodes have left the fleet. May come twice. */
  dropNodes(nodes: readonly string[]): void {
    for (const socket of nodes.flatMap((node) => this.#sockets.open(node))) {
      this.#sockets.drop(socket, CLOSE.unknownNode);
    }
  }

  /** From Fleet: these nodes have work and need the joins and leaves up to this change. */
  async nodesChanged(nodes: readonly string[], number: number): Promise<void> {
    const links = nodes.flatMap((node) => this.#sockets.linked(node) ?? []);
    await sendNodeChanges(this.env, this.#sockets, links, number);
  }

  /** Closes silent links and reports which are up. O(sockets), in memory. */
  sweep(): LinkSweep {
    const connecting = [...this.#connecting].map((socket) => this.#sockets.state(socket).node);
    const sweep: LinkSweep = { up: [], silent: [], connecting };
    const oldest = Date.now() - CONSTANTS.linkDeadSeconds * 1000;
    for (const socket of this.#sockets.open()) {
      const { node, connection } = this.#sockets.state(socket);
      const seenAt = this.#sockets.seenAt(socket);
      if (seenAt < oldest) {
        this.#sockets.drop(socket, CLOSE.resync);
        sweep.silent.push({ node, connection, seenAt });
      } else if (connection > 0) sweep.up.push({ node, connection });
    }
    this.#count();
    return sweep;
  }

  /** Last sign of life of each of these nodes whose link is up (ms since 1970), by id. */
  seenAt(nodes: readonly string[]): Record<string, number> {
    const seen = nodes.flatMap((node) => {
      const socket = this.#sockets.linked(node);
      return socket ? [[node, this.#sockets.seenAt(socket)] as const] : [];
    });
    return Object.fromEntries(seen);
  }

  async #take(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const { state, node, connection } = this.#sockets.state(socket);
    if (state === "dropped") return;
    const message = readFrame(data);
    if (!message || (message.type === "hello") !== (state === "challenged")) {
      return this.#end(socket, CLOSE.badMessage);
    }
    if (message.type === "hello") await this.#hello(socket, message).finally(this.#greetings.get(socket));
    else if (message.type === "report") await this.#report(node, message);
    else if (message.type === "rotate") await this.#rotate(socket, message);
    else {
      const { capacity, facts } = message;
      await fleetOf(this.env).nodeSaid(node, connection, { capacity, facts });
    }
  }

  async #hello(socket: WebSocket, hello: Hello): Promise<void> {
    const asked = this.#sockets.state(socket);
    const { fleet, node, publicKey } = asked;
    const version = Math.min(hello.protocol.max, PROTOCOL.max);
    if (hello.node !== node || hello.fleet !== fleet) return this.#sockets.drop(socket, CLOSE.unknownNode);
    if (version < Math.max(hello.protocol.min, PROTOCOL.min))
      return this.#sockets.drop(socket, CLOSE.protocol);
    if (!(await proves(asked, hello.signature))) return this.#sockets.drop(socket, CLOSE.badSignature);

    const { address, capacity, facts } = hello;
    // Fleet accepts the connection only while this is the node's key, and afterwards accepts no rotation from an earlier connection.
    this.#connecting.add(socket);
    const connected = await fleetOf(this.env)
      .nodeConnected({ node, publicKey, said: { address, capacity, facts } })
      .finally(() => this.#connecting.delete(socket));
    if (connected === "unknown") return this.#sockets.drop(socket, CLOSE.unknownNode);
    if (connected === "replaced") return this.#sockets.drop(socket, CLOSE.badSignature);
    this.#sockets.set(socket, { nodesChange: hello.nodes });
    this.#replace(socket, node, connected);
    // It has ended meanwhile, but Fleet now counts it as up.
    if (this.#sockets.state(socket).state === "dropped") {
      return await fleetOf(this.env).disconnected(node, connected.connection);
    }
    await this.#welcome(socket, node, version, hello, connected);
    if (connected.sessions.length > 0 && openLinks() > SETTINGS.maxLinks) await this.#dropIdle(node);
  }

  /** One idle node of this Link makes way for this node. If none is idle, there is one link too many for a while. */
  async #dropIdle(than: string): Promise<void> {
    const others = this.#sockets
      .open()
      .map((socket) => this.#sockets.state(socket))
      .filter(({ state, node }) => state === "ready" && node !== than);
    const idle = await fleetOf(this.env).idleAmong(others.map(({ node }) => node));
    const socket = idle === undefined ? undefined : this.#sockets.linked(idle);
    if (socket) await this.#end(socket, CLOSE.resync);
  }

  /** The newest connection of a node is its link; the others end. */
  #replace(socket: WebSocket, node: string, { connection }: Connected): void {
    this.#sockets.greet(socket, connection);
    for (const other of this.#sockets.open(node)) {
      const { state, connection: number } = this.#sockets.state(other);
      if (state === "challenged" || other === socket) continue;
      this.#sockets.drop(number < connection ? other : socket, CLOSE.replaced);
    }
  }

  async #welcome(
    socket: WebSocket,
    node: string,
    version: number,
    { has }: Hello,
    { connection, sessions, nodesChange, redialMs }: Connected,
  ): Promise<void> {
    const held = new Map(has.map((each) => [each.session, each]));
    const frames = await Promise.all(
      sessions.map(async (session) => {
        const frame = await sessionOf(this.env, session).frameFor(node, held.get(session));
        if (frame !== undefined) this.#work.add(workKey(node, session));
        return frame;
      }),
    );
    const assignments = frames.filter((frame) => frame !== undefined);
    // Before the assignments: no container of the node may reach these addresses.
    if (assignments.length > 0) await sendNodeChanges(this.env, this.#sockets, [socket], nodesChange);
    const head = { type: "welcome", protocol: version, connection, redialMs };
    this.#sockets.welcome(
      socket,
      `${JSON.stringify(head).slice(0, -1)},"assignments":[${assignments.join(",")}]}`,
    );
  }

  /** The agent replaces its key. It gets the confirmation only after Fleet has stored the new key. */
  async #rotate(socket: WebSocket, rotate: Rotate): Promise<void> {
    const asked = this.#sockets.state(socket);
    const { node, connection, publicKey: from } = asked;
    const { publicKey: to } = rotate;
    const taken =
      (await provesNew(asked, rotate)) && (await fleetOf(this.env).rotateKey({ node, connection, from, to }));
    if (!taken) return this.#end(socket, CLOSE.badSignature);
    this.#sockets.set(socket, { publicKey: to });
    this.#sockets.send(socket, JSON.stringify({ type: "rotated", publicKey: to }));
  }

  async #report(node: string, report: Report): Promise<void> {
    const key = workKey(node, report.session);
    // Other sessions are not this node's. They are not asked, since a Session object that is called leaves a file behind.
    if (!this.#work.has(key) && !(await fleetOf(this.env).holds(node, report.session))) return;
    this.#work.add(key);
    const done = await sessionOf(this.env, report.session).report(node, report);
    if (done) this.#work.delete(key);
  }

  async #end(socket: WebSocket, why: Close): Promise<void> {
    this.#sockets.drop(socket, why);
    await this.#gone(socket);
  }

  /** Reports to Fleet that a link is down. If Fleet cannot be reached, its next sweep finds out. */
  async #gone(socket: WebSocket): Promise<void> {
    const { node, connection } = this.#sockets.state(socket);
    this.#sockets.gone(socket);
    this.#greetings.get(socket)?.();
    this.#count();
    if (connection === 0) return;
    await fleetOf(this.env)
      .disconnected(node, connection)
      .catch((error: unknown) =>
        logError(`${node}: cannot report the end of its link to Fleet; the next sweep finds it:`, error),
      );
  }

  #count(): void {
    noteLinks(this.ctx.id.toString(), this.#sockets.count());
  }
}

function workKey(node: string, session: string): string {
  return `${node} ${session}`;
}
