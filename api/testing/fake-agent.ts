/** An agent as the API sees it: a real key, a real WebSocket, the protocol; behind it nothing. */
import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import type { AgentJoin } from "../../shared/node/node-schemas.ts";
import {
  type ApiMessage,
  type Assign,
  type Challenge,
  connectProof,
  type Hello,
  PING,
  PONG,
  type Report,
  type Rotate,
  rotateProof,
  type Welcome,
} from "../../shared/protocol/protocol.ts";
import { FACTS } from "../../shared/testing/fixtures.ts";
import { toBase64Url } from "../platform/hash.ts";
import { call } from "./call-api.ts";

export type NodeFacts = Pick<AgentJoin, "address" | "capacity" | "facts" | "labels">;

let joined = 0;

/** The planner fills nodes that are alike in the order of their names: here that of their joining. */
function nextName(): string {
  return `node-${String(++joined).padStart(4, "0")}`;
}

export function nodeFacts(cpu = 8, address = "192.0.2.1", addresses: string[] = []): NodeFacts {
  return {
    address,
    labels: {},
    capacity: { cpu, memory: 16 * 2 ** 30, gpu: 0 },
    facts: { ...FACTS, addresses },
  };
}

export async function joinToken(): Promise<string> {
  return (await call<{ token: string }>("POST", "/v1/join-tokens")).body.token;
}

export class FakeAgent {
  readonly id: string;
  readonly fleet: string;
  readonly name: string;
  readonly keys: CryptoKeyPair;
  readonly node: NodeFacts;

  constructor(id: string, fleet: string, name: string, keys: CryptoKeyPair, node: NodeFacts) {
    this.id = id;
    this.fleet = fleet;
    this.name = name;
    this.keys = keys;
    this.node = node;
  }

  /** Joins the fleet; does not connect. */
  static async join(node: NodeFacts = nodeFacts(), name = nextName()): Promise<FakeAgent> {
    const keys = await newKeys();
    const body = { joinToken: await joinToken(), publicKey: await publicKeyOf(keys), name, ...node };
    const answer = await call<{ nodeId: string; fleet: string }>("POST", "/v1/agents", body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    return new FakeAgent(answer.body.nodeId, answer.body.fleet, name, keys, node);
  }

  /** Dials and proves who it is. `change` is for proofs that must not be taken. */
  async connect(change: (hello: Hello) => Hello = (hello) => hello): Promise<Connection> {
    const connection = await dial(this.id);
    const { nonce, fleet, protocol } = await connection.next<Challenge>("challenge");
    connection.nonce = nonce;
    const signature = await sign(this.keys, connectProof(fleet, this.id, nonce));
    const { labels: _, ...node } = this.node;
    connection.send(
      change({
        type: "hello",
        protocol,
        fleet,
        node: this.id,
        signature,
        bootId: "boot",
        ...node,
      }),
    );
    return connection;
  }
}

/** What an agent says on its link to replace its key by these; for the proof `nonce` has to be the link's. */
export async function rotation(
  agent: FakeAgent,
  nonce: string,
  keys: CryptoKeyPair,
  signer: CryptoKeyPair = keys,
): Promise<Rotate> {
  const signature = await sign(signer, rotateProof(agent.fleet, agent.id, nonce));
  return { type: "rotate", publicKey: await publicKeyOf(keys), signature };
}

/** The same node with other keys: after a rotation, or in other hands. */
export function withKeys({ id, fleet, name, node }: FakeAgent, keys: CryptoKeyPair): FakeAgent {
  return new FakeAgent(id, fleet, name, keys, node);
}

/** A node that is in the fleet, connected, and has been welcomed. */
export async function readyNode(
  node?: NodeFacts,
  name?: string,
): Promise<{ agent: FakeAgent; link: Connection; welcome: Welcome }> {
  const agent = await FakeAgent.join(node, name);
  const link = await agent.connect();
  return { agent, link, welcome: await link.next<Welcome>("welcome") };
}

/** Opens the WebSocket and does nothing with it. */
export async function dial(node: string): Promise<Connection> {
  const response = await exports.default.fetch(`https://skein.test/v1/agents/connect?node=${node}`, {
    headers: { upgrade: "websocket" },
  });
  expect(response.status).toBe(101);
  return new Connection(response.webSocket!);
}

export class Connection {
  /** Of its challenge, once that was answered. */
  nonce = "";
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  #ponged = Promise.withResolvers<void>();
  readonly #frames: ApiMessage[] = [];
  readonly #waiting: { fits: (frame: ApiMessage) => boolean; resolve: (frame: ApiMessage) => void }[] = [];
  #follow: ((assign: Assign) => Report | undefined) | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
    socket.addEventListener("message", ({ data }) => {
      if (data === PONG) this.#ponged.resolve();
      else this.#take(JSON.parse(data as string) as ApiMessage);
    });
    socket.accept();
  }

  send(message: unknown): void {
    this.#socket.send(
      typeof message === "string" || message instanceof ArrayBuffer ? message : JSON.stringify(message),
    );
  }

  /** Sends a ping and waits for its answer. */
  async ping(): Promise<void> {
    this.#ponged = Promise.withResolvers();
    this.#socket.send(PING);
    await this.#ponged.promise;
  }

  close(code = 1000): void {
    this.#socket.close(code, "test");
  }

  /** Waits for a frame of that type that was not asked for before, and that fits. */
  next<T extends ApiMessage>(type: T["type"], also: (frame: T) => boolean = () => true): Promise<T> {
    const fits = (frame: ApiMessage) => frame.type === type && also(frame as T);
    const at = this.#frames.findIndex(fits);
    if (at >= 0) return Promise.resolve(this.#frames.splice(at, 1)[0] as T);
    return new Promise((resolve) => {
      this.#waiting.push({ fits, resolve: (frame) => resolve(frame as T) });
    });
  }

  /** Waits until this phase is asked. */
  asked(phase: Assign["phase"], session?: string): Promise<Assign> {
    return this.next<Assign>(
      "assign",
      (assign) => assign.phase === phase && (!session || assign.session === session),
    );
  }

  /** Frames that nobody asked for yet, but for where the nodes are: those come with every welcome. */
  get unread(): readonly ApiMessage[] {
    return this.#frames.filter(({ type }) => type !== "nodes");
  }

  /** From now on does all that is asked and says so, except where `but` says something else or undefined: nothing. */
  follow(but: (assign: Assign, usual: Report) => Report | undefined = (_, usual) => usual): this {
    this.#follow = (assign) => but(assign, done(assign));
    for (const frame of this.#frames.splice(0)) this.#take(frame);
    return this;
  }

  #take(frame: ApiMessage): void {
    if (this.#follow) {
      const assigns = frame.type === "assign" ? [frame] : frame.type === "welcome" ? frame.assignments : [];
      for (const assign of assigns) {
        const report = this.#follow(assign);
        if (report) this.send(report);
      }
    }
    const at = this.#waiting.findIndex(({ fits }) => fits(frame));
    if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(frame);
    else this.#frames.push(frame);
  }
}

/** What an agent reports that has done what it was asked. */
export function done(assign: Assign, change: Partial<Report> = {}): Report {
  const { session, epoch, phase, assignment } = assign;
  const hosts = assignment?.containers.map(({ host }) => host) ?? [];
  return {
    type: "report",
    session,
    epoch,
    phase,
    containers: hosts.map((host) => ({ host, status: phase, containerId: `id-of-${host}` })),
    ...(phase === "prepared" ? { identities: hosts.map(identityOf) } : {}),
    ...change,
  };
}

export function identityOf(host: string) {
  const key = (of: string) => `ssh-ed25519 ${btoa(`${of}-${host}`)}`;
  return { host, user: "root", hostKey: key("host"), userKey: key("user") };
}

async function sign({ privateKey }: CryptoKeyPair, text: string): Promise<string> {
  const signature = await crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(text));
  return toBase64Url(new Uint8Array(signature));
}

export function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

export async function publicKeyOf(keys: CryptoKeyPair): Promise<string> {
  return toBase64Url(new Uint8Array((await crypto.subtle.exportKey("raw", keys.publicKey)) as ArrayBuffer));
}
