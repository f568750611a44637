/**
 * The API's end of the nodes' links, for tests of the agent alone and in memory: nodes join it, connect to it, and learn what it wants of
 * them. Tests can inspect what it sends and receives.
 */
import { createPublicKey, randomBytes, verify } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type WebSocket, WebSocketServer } from "ws";
import { AgentJoin } from "../../shared/node/node-schemas.ts";
import {
  AgentMessage,
  type Assign,
  connectProof,
  type Held,
  type Hello,
  PING,
  PONG,
  PROTOCOL,
  type Report,
} from "../../shared/protocol/protocol.ts";

interface ControlNode {
  id: string;
  name: string;
  publicKey: string;
  about: Pick<Hello, "address" | "capacity" | "facts">;
  socket?: WebSocket;
  /** The complete assignments for it, by session. A frame leaves out what the node has already. */
  desired: Map<string, Assign>;
  /** What it has, by session: from its hello, and sent since. */
  has: Map<string, Held>;
}

export class ControlLink {
  readonly fleet: string;
  readonly nodes = new Map<string, ControlNode>();
  /** Everything ever received, as text: tests search it for secrets. */
  readonly heard: string[] = [];
  readonly reports: { node: string; report: Report }[] = [];
  /** The text of every `assign` and `welcome`, for counting. */
  readonly said: string[] = [];
  /** Added to every layout and part that is sent, as a newer API might. */
  extra: object = {};
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #watchers = new Set<() => void>();
  /** Addresses of the fleet's nodes, in the order in which they joined. */
  readonly #addresses: string[] = [];

  constructor(fleet: string) {
    this.fleet = fleet;
    this.#server = createServer((request, response) => void this.#join(request, response));
    this.#server.on("upgrade", (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#connect(ws, request));
    });
  }

  async listen(host: string): Promise<this> {
    this.#server.listen(0, host);
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Resolves with the first truthy answer; retries whenever a frame arrives. */
  async until<T>(condition: () => T | undefined | false): Promise<T> {
    return await new Promise<T>((resolve) => {
      const look = () => {
        const found = condition();
        if (!found) return;
        this.#watchers.delete(look);
        resolve(found);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Resolves when this many nodes are connected. */
  async connected(count: number): Promise<void> {
    await this.until(() => [...this.nodes.values()].filter(({ socket }) => socket).length === count);
  }

  node(name: string): ControlNode {
    const found = [...this.nodes.values()].find((node) => node.name === name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  }

  /** The newest report of a session from a node. */
  reportOf(node: string, session: string): Report | undefined {
    return this.reports.findLast((each) => each.node === node && each.report.session === session)?.report;
  }

  tell(nodeId: string, assign: Assign): void {
    const node = this.nodes.get(nodeId)!;
    node.desired.set(assign.session, assign);
    if (node.socket) this.#say(node.socket, this.#without(node, assign));
  }

  /** The frame without what the node has already; from now on the node has the rest, too. */
  #without(node: ControlNode, { layout, part, keys, ...bare }: Assign): object {
    const { session, epoch, phase } = bare;
    if (phase === "removed") return bare;
    const held = node.has.get(session);
    const known = held?.epoch === epoch ? held : undefined;
    node.has.set(session, { session, epoch, keys: known?.keys || keys !== undefined });
    return {
      ...bare,
      ...(known ? {} : { layout: { ...layout, ...this.extra }, part: { ...part, ...this.extra } }),
      ...(known?.keys || !keys ? {} : { keys }),
    };
  }

  #say(socket: WebSocket, message: object): void {
    const text = JSON.stringify(message);
    this.said.push(text);
    socket.send(text);
  }

  async #join(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    this.heard.push(body);
    const { name, publicKey, ...about } = AgentJoin.parse(JSON.parse(body));
    const id = `node_${name}`;
    this.nodes.set(id, { id, name, publicKey, about, desired: new Map(), has: new Map() });
    // Adds one address at a time, so that the number of the last change equals their count.
    this.#addresses.push(about.address);
    for (const { socket } of this.nodes.values())
      if (socket) this.#sayNodes(socket, this.#addresses.length - 1);
    response.setHeader("content-type", "application/json");
    response.writeHead(201).end(JSON.stringify({ nodeId: id, fleet: this.fleet }));
  }

  #connect(socket: WebSocket, request: IncomingMessage): void {
    const nodeId = new URL(request.url!, "http://control").searchParams.get("node")!;
    const nonce = randomBytes(16).toString("base64url");
    const node = this.nodes.get(nodeId);
    if (!node) {
      socket.close(4004);
      return;
    }
    socket.send(JSON.stringify({ type: "challenge", protocol: PROTOCOL, fleet: this.fleet, nonce }));
    socket.on("close", () => {
      if (node.socket === socket) delete node.socket;
      this.#look();
    });
    socket.on("message", (data) => {
      const frame = String(data);
      if (frame === PING) return socket.send(PONG);
      this.heard.push(frame);
      const message = AgentMessage.parse(JSON.parse(frame));
      if (message.type === "report") this.reports.push({ node: nodeId, report: message });
      if (message.type === "facts") Object.assign(node.about, message);
      if (message.type === "hello") {
        if (!proves(message, node.publicKey, nonce)) return socket.close(4001);
        node.about = message;
        node.socket = socket;
        node.has = new Map(message.has.map((held) => [held.session, held]));
        this.#sayNodes(socket, message.nodes);
        const assignments = [...node.desired.values()].map((assign) => this.#without(node, assign));
        this.#say(socket, {
          type: "welcome",
          protocol: PROTOCOL.max,
          connection: 1,
          redialMs: 0,
          assignments,
        });
      }
      this.#look();
    });
  }

  #sayNodes(socket: WebSocket, since: number): void {
    const added = this.#addresses.slice(since);
    const number = this.#addresses.length;
    if (since !== number) socket.send(JSON.stringify({ type: "nodes", since, number, added, removed: [] }));
  }

  #look(): void {
    for (const look of [...this.#watchers]) look();
  }
}

function proves({ fleet, node, signature }: Hello, publicKey: string, nonce: string): boolean {
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
  return verify(
    null,
    Buffer.from(connectProof(fleet, node, nonce)),
    key,
    Buffer.from(signature, "base64url"),
  );
}
