/** An agent as the API sees it: a real key, a real WebSocket and the protocol, but no containers. */
import { expect } from "vitest";
import type { AgentJoin } from "../../shared/node/node-schemas.ts";
import {
  type Challenge,
  connectProof,
  type Hello,
  type Rotate,
  rotateProof,
  type Welcome,
} from "../../shared/protocol/protocol.ts";
import { FACTS } from "../../shared/testing/fixtures.ts";
import { toBase64Url } from "../platform/hash.ts";
import { call } from "./call-api.ts";
import { type Connection, dial, type Parts } from "./connection.ts";

export type NodeFacts = Pick<AgentJoin, "address" | "capacity" | "facts" | "labels">;

let joined = 0;

/** The planner fills equal nodes in the order of their names, which here is the order of joining. */
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
  readonly #parts: Parts = new Map();

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

  /** Dials and proves its key. `change` sets its inventory (empty by default), or makes an invalid proof. */
  async connect(change: (hello: Hello) => Hello = (hello) => hello): Promise<Connection> {
    const connection = await dial(this.id, this.#parts);
    const { nonce, fleet, protocol } = await connection.next<Challenge>("challenge");
    connection.nonce = nonce;
    const signature = await sign(this.keys, connectProof(fleet, this.id, nonce));
    const { labels: _, ...node } = this.node;
    const proof = { protocol, fleet, node: this.id, signature, bootId: "boot" };
    connection.send(change({ type: "hello", ...proof, has: [], nodes: 0, ...node }));
    return connection;
  }

  /** Connects and waits for the welcome. */
  async welcomed(change?: (hello: Hello) => Hello): Promise<{ link: Connection; welcome: Welcome }> {
    const link = await this.connect(change);
    return { link, welcome: await link.next<Welcome>("welcome") };
  }
}

/** The message that replaces its key by these; the proof needs the link's own `nonce`. */
export async function rotation(
  agent: FakeAgent,
  nonce: string,
  keys: CryptoKeyPair,
  signer: CryptoKeyPair = keys,
): Promise<Rotate> {
  const signature = await sign(signer, rotateProof(agent.fleet, agent.id, nonce));
  return { type: "rotate", publicKey: await publicKeyOf(keys), signature };
}

/** The same node with other keys, for example after a rotation. */
export function withKeys({ id, fleet, name, node }: FakeAgent, keys: CryptoKeyPair): FakeAgent {
  return new FakeAgent(id, fleet, name, keys, node);
}

/** A node in the fleet that is connected and has received its welcome. */
export async function readyNode(
  node?: NodeFacts,
  name?: string,
): Promise<{ agent: FakeAgent; link: Connection; welcome: Welcome }> {
  const agent = await FakeAgent.join(node, name);
  return { agent, ...(await agent.welcomed()) };
}

export async function sign({ privateKey }: CryptoKeyPair, text: string): Promise<string> {
  const signature = await crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(text));
  return toBase64Url(new Uint8Array(signature));
}

export function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

export async function publicKeyOf(keys: CryptoKeyPair): Promise<string> {
  return toBase64Url(new Uint8Array((await crypto.subtle.exportKey("raw", keys.publicKey)) as ArrayBuffer));
}
