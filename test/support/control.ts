/**
 * The API's side of the link for tests of the agent alone: nodes join it, it plans with the real planner, and drives sessions from phase to
 * phase, all in memory. What it sends and hears is there to be looked at.
 */
import { createPublicKey, randomBytes, verify } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type WebSocket, WebSocketServer } from "ws";
import { AgentJoin } from "../../shared/node/node-schemas.ts";
import type { NodeSnapshot } from "../../shared/plan/plan.ts";
import { plan } from "../../shared/plan/planner.ts";
import { assignmentsOf } from "../../shared/protocol/assignments.ts";
import {
  AgentMessage,
  type Assign,
  type Assignment,
  connectProof,
  type Hello,
  type Identity,
  PING,
  PONG,
  PROTOCOL,
  type Report,
} from "../../shared/protocol/protocol.ts";
import { readSpec } from "../../shared/request/spec.ts";
import type { Phase } from "../../shared/session/lifecycle.ts";

interface ControlNode {
  id: string;
  name: string;
  publicKey: string;
  about: Pick<Hello, "address" | "capacity" | "facts">;
  socket?: WebSocket;
  /** What is told on welcome, by session. */
  desired: Map<string, Assign>;
}

/** A session under way: its assignments by node id, and the identities once all are prepared. */
export interface ControlSession {
  id: string;
  epoch: number;
  assignments: Map<string, Assignment>;
  identities: Identity[];
}

export class Control {
  readonly fleet: string;
  readonly nodes = new Map<string, ControlNode>();
  /** All that ever came in, as text: to be searched for what must not be there. */
  readonly heard: string[] = [];
  readonly reports: { node: string; report: Report }[] = [];
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #watchers = new Set<() => void>();
  #made = 0;

  private constructor(fleet: string) {
    this.fleet = fleet;
    this.#server = createServer((request, response) => void this.#join(request, response));
    this.#server.on("upgrade", (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#connect(ws, request));
    });
  }

  static async listen(host: string, fleet = "flt_test", port = 0): Promise<Control> {
    const control = new Control(fleet);
    control.#server.listen(port, host);
    await once(control.#server, "listening");
    return control;
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

  /** Resolves with the first truthy answer; asks again whenever something is heard. */
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

  /** Plans a request (as for `POST /v1/sessions`) over the connected nodes; nothing is told yet. */
  plan(request: object, { id = `ses_${++this.#made}`, epoch = 1 } = {}): ControlSession {
    const spec = readSpec(request);
    const nodes: NodeSnapshot[] = [...this.nodes.values()].map(({ id: nodeId, name, about }) => ({
      id: nodeId,
      name,
      status: "ready",
      schedulable: true,
      labels: {},
      address: about.address,
      capacity: about.capacity,
      allocated: { cpu: 0, memory: 0, gpuIds: [], containers: 0 },
      gpuIds: about.facts.gpuIds,
      usedSubnets: about.facts.usedSubnets,
      mtu: about.facts.mtu,
      allows: about.facts.allows,
    }));
    const others = [...this.nodes.values()].flatMap((node) => [...node.desired.values()]);
    const networks = others
      .filter(({ session }) => session !== id)
      .flatMap(({ assignment }) => assignment?.network ?? []);
    const reserved = {
      subnets: networks.map(({ subnet }) => subnet),
      vnis: networks.flatMap(({ vni }) => vni ?? []),
    };
    const planned = plan(spec, { nodes, reserved });
    if (!planned.plan) throw new Error(planned.refusal.reason);
    const assignments = assignmentsOf(spec, planned.plan, { id, name: id, epoch });
    return { id, epoch, assignments, identities: [] };
  }

  /** Asks every node of a session for a phase, without waiting. */
  ask(session: ControlSession, phase: Phase, force?: boolean): void {
    for (const [nodeId, assignment] of session.assignments) {
      this.tell(nodeId, {
        type: "assign",
        session: session.id,
        epoch: session.epoch,
        phase,
        ...(phase === "removed" ? {} : { assignment }),
        ...(session.identities.length > 0 && phase !== "removed" ? { identities: session.identities } : {}),
        ...(force === undefined ? {} : { force }),
      });
    }
  }

  tell(nodeId: string, assign: Assign): void {
    const node = this.nodes.get(nodeId)!;
    node.desired.set(assign.session, assign);
    node.socket?.send(JSON.stringify(assign));
  }

  /** Asks for a phase and waits until all nodes report it; throws what the first one fails with. */
  async reach(session: ControlSession, phase: Phase, force?: boolean): Promise<Report[]> {
    this.ask(session, phase, force);
    const reports = await this.until(() => {
      const all = [...session.assignments.keys()].map((node) => this.reportOf(node, session.id));
      const failed = all.find((report) => report?.failure && report.epoch === session.epoch);
      if (failed && phase !== "removed") return [failed];
      return (
        all.every((report) => report?.phase === phase && report.epoch === session.epoch) && (all as Report[])
      );
    });
    if (reports[0]?.failure && phase !== "removed") {
      const { code, host, message } = reports[0].failure;
      throw new Error([code, host, message].filter(Boolean).join(": "));
    }
    if (phase === "prepared") {
      const known = new Map(
        reports.flatMap(({ identities = [] }) => identities).map((each) => [each.host, each]),
      );
      const [first] = session.assignments.values();
      session.identities = first!.members.map(({ host }) => known.get(host)!);
    }
    if (phase === "removed") for (const node of this.nodes.values()) node.desired.delete(session.id);
    return reports;
  }

  /** From nothing to running. */
  async run(request: object): Promise<ControlSession> {
    const session = this.plan(request);
    for (const phase of ["prepared", "started", "running"] as const) await this.reach(session, phase);
    return session;
  }

  async remove(session: ControlSession, force?: boolean): Promise<Report[]> {
    return await this.reach(session, "removed", force);
  }

  /** Removes all sessions that nodes are still asked for, at once. */
  async clear(): Promise<void> {
    const left = [...this.nodes.values()].flatMap((node) =>
      [...node.desired.values()].map(({ session, epoch }) => ({ node, session, epoch })),
    );
    for (const { node, session, epoch } of left) {
      this.tell(node.id, { type: "assign", session, epoch, phase: "removed", force: true });
    }
    await this.until(() =>
      left.every(({ node, session }) => this.reportOf(node.id, session)?.phase === "removed"),
    );
    for (const { node, session } of left) node.desired.delete(session);
  }

  async #join(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    this.heard.push(body);
    const { name, publicKey, ...about } = AgentJoin.parse(JSON.parse(body));
    const id = `node_${name}`;
    this.nodes.set(id, { id, name, publicKey, about, desired: new Map() });
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
        const assignments = [...node.desired.values()];
        socket.send(JSON.stringify({ type: "welcome", protocol: PROTOCOL.max, connection: 1, assignments }));
      }
      this.#look();
    });
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
