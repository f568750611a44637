/**
 * The Node object: one node's link. It knows which sessions the node has work for; what the work is it asks each
 * Session, so that there is one truth. Sockets hibernate: what must survive is in their attachments.
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
import { SETTINGS } from "../../shared/settings/settings.ts";
import { Alarm } from "../platform/alarm.ts";
import { randomText } from "../platform/hash.ts";
import type { NodeAddresses, NodeNews } from "../platform/messages.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { type Link, Sockets, turnAway } from "./link-sockets.ts";
import { type LinkState, linkState, newsNumber, type Self, statusOf } from "./link-state.ts";
import { proves, provesNew } from "./node-key.ts";
import { readFrame } from "./read-agent-frame.ts";

/** A frame for the agent. `epoch` and `rank` of its phase order it: what is behind what was sent is void. */
export interface Assignable {
  session: string;
  epoch: number;
  rank: number;
  frame: string;
}

const CHECK_MS = 20_000;
const RETRY_MS = 5_000;

export class Node extends DurableObject<Cloudflare.Env> {
  readonly #sockets: Sockets;
  readonly #alarm: Alarm;
  /** The furthest that was sent of each session. */
  readonly #sent = new Map<string, { epoch: number; rank: number }>();
  /** Frames are handled one after the other: each report says the whole, so the last must come last. */
  #line: Promise<void> = Promise.resolve();

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#sockets = new Sockets(ctx);
    this.#alarm = new Alarm(ctx.storage);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  }

  /** An agent dials in: `?node=ID`. What it may do it has to prove first. */
  override async fetch(request: Request): Promise<Response> {
    const node = new URL(request.url).searchParams.get("node")!;
    const self = await this.#whoAmI(node);
    if (self?.node !== node) return turnAway(CLOSE.unknownNode);
    const { 0: client, 1: server } = new WebSocketPair();
    const nonce = randomText();
    this.#sockets.accept(server, { node, nonce, publicKey: "", state: "challenged", since: Date.now() });
    server.send(JSON.stringify({ type: "challenge", protocol: PROTOCOL, fleet: self.fleet, nonce }));
    this.#arm();
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    this.#line = this.#line.then(async () => {
      try {
        await this.#take(socket, data);
      } catch (error) {
        console.error("a frame could not be handled:", error);
        await this.#end(socket, CLOSE.resync);
      }
    });
    return this.#line;
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.#sockets.gone(socket);
    // Answers the agent's close frame, so that it need not wait for one in vain.
    if (socket.readyState !== WebSocket.CLOSED) socket.close();
    await this.#noteDown();
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#sockets.gone(socket);
    await this.#noteDown();
  }

  /** From a Session: something for the agent. Where the link is down, the next welcome has it. */
  assign({ session, epoch, rank, frame }: Assignable): void {
    const { kv } = this.ctx.storage;
    if (!kv.get("self")) return;
    const sent = this.#sent.get(session);
    if (sent && (epoch < sent.epoch || (epoch === sent.epoch && rank < sent.rank))) return;
    this.#sent.set(session, { epoch, rank });
    if ((kv.get<number>(workKey(session)) ?? 0) < epoch) kv.put(workKey(session), epoch);
    this.#sockets.send(frame);
  }

  /** From Fleet: where the fleet's nodes are, for the agent. What comes late, after a later one, is void. */
  hearAddresses({ change, addresses }: NodeAddresses): void {
    const { kv } = this.ctx.storage;
    if (!kv.get("self") || change < (kv.get<number>("heard") ?? 0)) return;
    kv.put("heard", change);
    this.#sockets.send(JSON.stringify({ type: "nodes", addresses }));
  }

  /** Whether the agent's link is up, and when it was last heard of (ms since 1970; null: not since it is down). */
  link(): { connected: boolean; seenAt: number | null } {
    const socket = this.#sockets.ready();
    return { connected: socket !== undefined, seenAt: socket ? this.#sockets.seenAt(socket) : null };
  }

  /** From Fleet: the node is none of the fleet any more. */
  async forget(): Promise<void> {
    for (const socket of this.#sockets.open()) this.#sockets.drop(socket, CLOSE.unknownNode);
    this.#sent.clear();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Ends links that have gone silent, sees to the lease, and tells Fleet what it does not know. */
  override async alarm(): Promise<void> {
    this.#alarm.rang();
    const now = Date.now();
    const silent = this.#sockets
      .open()
      .map((socket) => ({ socket, seenAt: this.#sockets.seenAt(socket) }))
      .filter(({ seenAt }) => now - seenAt > CONSTANTS.linkDeadSeconds * 1000);
    for (const { socket } of silent) this.#sockets.drop(socket, CLOSE.resync);
    await this.#noteDown(silent.length > 0 ? Math.max(...silent.map(({ seenAt }) => seenAt)) : now);
    const state = linkState(this.ctx.storage.kv);
    if (this.#leaseEnd(state) <= now) {
      this.ctx.storage.kv.put<LinkState>("link", { ...state, lost: true, told: false });
      await this.#tellFleet({}).catch((error: unknown) =>
        console.error("a node's loss could not be told:", error),
      );
    }
    this.#arm();
  }

  /** When a link that is down makes the node lost, ms since 1970; Infinity where it does not, or did. */
  #leaseEnd({ up, lost, heardAt }: LinkState): number {
    return up || lost || heardAt === null ? Infinity : heardAt + SETTINGS.nodeLeaseSeconds * 1000;
  }

  async #take(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const link = this.#sockets.link(socket);
    if (link.state === "dropped") return;
    const message = readFrame(data);
    if (!message || (message.type === "hello") !== (link.state === "challenged")) {
      return this.#end(socket, CLOSE.badMessage);
    }
    if (message.type === "hello") await this.#hello(socket, link, message);
    else if (message.type === "report") await this.#report(link.node, message);
    else if (message.type === "rotate") await this.#rotate(socket, link, message);
    else await this.#tellFleet({ said: { capacity: message.capacity, facts: message.facts } });
  }

  async #hello(socket: WebSocket, link: Link, hello: Hello): Promise<void> {
    const identity = await fleetOf(this.env).identityOf(link.node);
    const version = Math.min(hello.protocol.max, PROTOCOL.max);
    if (!identity || hello.node !== link.node || hello.fleet !== identity.fleet) {
      return this.#sockets.drop(socket, CLOSE.unknownNode);
    }
    if (version < Math.max(hello.protocol.min, PROTOCOL.min))
      return this.#sockets.drop(socket, CLOSE.protocol);
    if (!(await proves(identity, link, hello.signature)))
      return this.#sockets.drop(socket, CLOSE.badSignature);

    const connection = linkState(this.ctx.storage.kv).connection + 1;
    this.ctx.storage.kv.put<LinkState>("link", {
      connection,
      up: true,
      told: false,
      lost: false,
      heardAt: null,
    });
    for (const other of this.#sockets.open()) {
      if (other !== socket && this.#sockets.link(other).state !== "challenged")
        this.#sockets.drop(other, CLOSE.replaced);
    }
    this.#sockets.greet(socket, identity.publicKey);
    const { address, capacity, facts } = hello;
    if (!(await this.#tellFleet({ said: { address, capacity, facts } }))) return;
    // Fleet knows of this connection now, and takes no rotation of an earlier one any more. One that came in just before voids this key.
    const now = await fleetOf(this.env).identityOf(link.node);
    if (now?.publicKey !== identity.publicKey) return this.#end(socket, CLOSE.badSignature);
    const [assignments, addresses] = await Promise.all([
      this.#work(link.node),
      fleetOf(this.env).addressesFor(link.node),
    ]);
    this.hearAddresses(addresses);
    this.#sockets.welcome(
      socket,
      `{"type":"welcome","protocol":${version},"connection":${connection},"assignments":[${assignments.join(",")}]}`,
    );
  }

  /** The agent replaces its key. Said to be done only when Fleet has it for good. */
  async #rotate(socket: WebSocket, link: Link, rotate: Rotate): Promise<void> {
    const { fleet } = this.ctx.storage.kv.get<Self>("self")!;
    const before = newsNumber(linkState(this.ctx.storage.kv).connection + 1, "ready");
    const { publicKey: to } = rotate;
    const taken =
      (await provesNew(fleet, link, rotate)) &&
      (await fleetOf(this.env).rotateKey({ id: link.node, before, from: link.publicKey, to }));
    if (!taken) return this.#end(socket, CLOSE.badSignature);
    this.#sockets.rekey(socket, to);
    if (this.#sockets.ready() === socket) socket.send(JSON.stringify({ type: "rotated", publicKey: to }));
  }

  async #end(socket: WebSocket, why: { code: number; reason: string }): Promise<void> {
    this.#sockets.drop(socket, why);
    await this.#noteDown();
  }

  /** Every frame that the agent has to know, from the Sessions themselves. */
  async #work(node: string): Promise<string[]> {
    const { kv } = this.ctx.storage;
    const frames = await Promise.all(
      [...kv.list<number>({ prefix: "work/" })].map(async ([key, epoch]) => {
        const frame = await sessionOf(this.env, key.slice("work/".length)).frameFor(node);
        if (frame === undefined && kv.get<number>(key) === epoch) kv.delete(key);
        return frame;
      }),
    );
    return frames.filter((frame) => frame !== undefined);
  }

  async #report(node: string, report: Report): Promise<void> {
    const { kv } = this.ctx.storage;
    const key = workKey(report.session);
    // Not assigned, or not any more: the welcome said so.
    if (kv.get(key) === undefined) return;
    const done = await sessionOf(this.env, report.session).report(node, report);
    // A newer epoch may have come meanwhile.
    if (!done || (kv.get<number>(key) ?? 0) > report.epoch) return;
    kv.delete(key);
    this.#sent.delete(report.session);
  }

  /**
   * Where no link is left but Fleet believes in one. The lease counts from `heardAt`: now, where the end of the link
   * was seen, and also where this process was not there to see it, for then the node could not be heard.
   */
  async #noteDown(heardAt = Date.now()): Promise<void> {
    const state = linkState(this.ctx.storage.kv);
    const linked = this.#sockets.open().some((socket) => this.#sockets.link(socket).state !== "challenged");
    if (state.up && !linked) {
      this.ctx.storage.kv.put<LinkState>("link", { ...state, up: false, told: false, heardAt });
      this.#arm();
    }
    if (!linkState(this.ctx.storage.kv).told) await this.#tellFleet({}).catch(() => this.#arm());
  }

  /** False where the fleet does not know this node, which then forgets itself. */
  async #tellFleet(news: Pick<NodeNews, "said">): Promise<boolean> {
    const self = this.ctx.storage.kv.get<Self>("self");
    if (!self) return false;
    const state = linkState(this.ctx.storage.kv);
    const status = statusOf(state);
    const known = await fleetOf(this.env).nodeNews({
      id: self.node,
      number: newsNumber(state.connection, status),
      status,
      seenAt: state.heardAt ?? Date.now(),
      ...news,
    });
    const now = linkState(this.ctx.storage.kv);
    if (!known) await this.forget();
    else if (!now.told && now.connection === state.connection && statusOf(now) === status) {
      this.ctx.storage.kv.put<LinkState>("link", { ...now, told: true });
    }
    return known;
  }

  /** Asked of Fleet once, then kept; undefined, and nothing written, where the fleet does not know the node. */
  async #whoAmI(node: string): Promise<Self | undefined> {
    const known = this.ctx.storage.kv.get<Self>("self");
    if (known) return known;
    const identity = await fleetOf(this.env).identityOf(node);
    if (!identity) return undefined;
    const self = { fleet: identity.fleet, node };
    this.ctx.storage.kv.put("self", self);
    return self;
  }

  /** Rings while there is a link to look after, a lease that runs, or something that Fleet has not taken. */
  #arm(): void {
    const state = linkState(this.ctx.storage.kv);
    const due = Math.min(
      state.told ? Infinity : Date.now() + RETRY_MS,
      this.#sockets.open().length > 0 ? Date.now() + CHECK_MS : Infinity,
      this.#leaseEnd(state),
    );
    if (due < Infinity) this.#alarm.ringBy(due);
  }
}

function workKey(session: string): string {
  return `work/${session}`;
}
