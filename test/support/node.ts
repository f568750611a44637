/** A node's side of the link for tests against a real API: a key, a WebSocket, the protocol; behind it nothing. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { once } from "node:events";
import WebSocket from "ws";
import type { AgentJoin } from "../../shared/node/node-schemas.ts";
import {
  type ApiMessage,
  type Assign,
  type Challenge,
  connectProof,
  type Hello,
  PING,
  PONG,
  PROTOCOL,
  type Report,
} from "../../shared/protocol/protocol.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import { FACTS } from "../../shared/testing/fixtures.ts";
import type { TestApi } from "./server.ts";

/** What a node says of itself besides its name. */
export type About = Pick<AgentJoin, "address" | "capacity" | "facts">;

export const ABOUT: About = {
  address: "192.0.2.1",
  capacity: { cpu: 8, memory: 16 * 2 ** 30, gpu: 0 },
  facts: FACTS,
};

export class TestNode {
  readonly api: TestApi;
  readonly id: string;
  readonly fleet: string;
  readonly name: string;
  readonly about: About;
  readonly #key: KeyObject;

  private constructor(
    api: TestApi,
    id: string,
    fleet: string,
    { name, about, key }: { name: string; about: About; key: KeyObject },
  ) {
    this.api = api;
    this.id = id;
    this.fleet = fleet;
    this.name = name;
    this.about = about;
    this.#key = key;
  }

  /** Joins the fleet, labelled with its own name; does not connect. */
  static async join(api: TestApi, name: string, about: About = ABOUT): Promise<TestNode> {
    const { token } = (await (await api.call("POST", "/v1/join-tokens")).json()) as { token: string };
    const { publicKey, privateKey: key } = generateKeyPairSync("ed25519");
    const body = {
      ...about,
      joinToken: token,
      publicKey: publicKey.export({ format: "jwk" }).x!,
      name,
      labels: { name },
    };
    const response = await api.call("POST", "/v1/agents", body);
    if (response.status !== 201) throw new Error(`${name} cannot join: ${await response.text()}`);
    const { nodeId, fleet } = (await response.json()) as { nodeId: string; fleet: string };
    return new TestNode(api, nodeId, fleet, { name, about, key });
  }

  signature(nonce: string): string {
    return sign(null, Buffer.from(connectProof(this.fleet, this.id, nonce)), this.#key).toString("base64url");
  }

  hello(nonce: string): Hello {
    return {
      type: "hello",
      protocol: PROTOCOL,
      fleet: this.fleet,
      node: this.id,
      signature: this.signature(nonce),
      bootId: "boot",
      ...this.about,
    };
  }

  /** Dials, proves who it is, and is welcomed; does from then on what it is asked. */
  async follow(react: (assign: Assign) => Report = done): Promise<NodeSocket> {
    const socket = await NodeSocket.dial(this.api, this.id);
    const first = await Promise.race([socket.next(), socket.closed]);
    if ("code" in first) throw new Error(`the link was closed with ${first.code} ${first.reason}`);
    const { nonce } = first as Challenge;
    socket.onFrame = (frame) => {
      const assigns = frame.type === "assign" ? [frame] : frame.type === "welcome" ? frame.assignments : [];
      for (const assign of assigns) socket.send(JSON.stringify(react(assign)));
    };
    socket.send(JSON.stringify(this.hello(nonce)));
    const ended = await Promise.race([socket.welcomed, socket.closed]);
    if ("code" in ended) throw new Error(`the hello was answered with ${ended.code} ${ended.reason}`);
    const pinging = setInterval(() => socket.send(PING), CONSTANTS.pingSeconds * 1000).unref();
    socket.closed.then(() => clearInterval(pinging));
    return socket;
  }
}

/** A WebSocket to `/v1/agents/connect`: frames in order, and how it closed. */
export class NodeSocket {
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Resolves with the first welcome. */
  readonly welcomed: Promise<Extract<ApiMessage, { type: "welcome" }>>;
  /** The status of an answer that is no WebSocket; 0: there was one. */
  refused = 0;
  /** Takes frames that nobody asks for with `next`. */
  onFrame: (frame: ApiMessage) => void = () => {};
  readonly #socket: WebSocket;
  #waiting: ((frame: ApiMessage) => void) | undefined;
  #unread: ApiMessage[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    const welcome = Promise.withResolvers<Extract<ApiMessage, { type: "welcome" }>>();
    this.welcomed = welcome.promise;
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
    });
    // `close` follows.
    socket.on("error", ({ message }) => {
      this.refused = Number(/^Unexpected server response: (\d+)$/.exec(message)?.[1] ?? 0);
    });
    socket.on("message", (data) => {
      const text = String(data);
      if (text === PONG) return;
      const frame = JSON.parse(text) as ApiMessage;
      if (frame.type === "welcome") welcome.resolve(frame);
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting) waiting(frame);
      else if (frame.type === "challenge") this.#unread.push(frame);
      else this.onFrame(frame);
    });
  }

  /** `query` is what the node says of its id: what comes after `?node=`. */
  static async dial(api: TestApi, query: string): Promise<NodeSocket> {
    const url = `${api.server.url.replace("http", "ws")}/v1/agents/connect?node=${query}`;
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const dialled = new NodeSocket(socket);
    // Refused: `closed` tells.
    await Promise.race([once(socket, "open").catch(() => {}), dialled.closed]);
    return dialled;
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** The challenge, or the next frame. */
  next(): Promise<ApiMessage> {
    const unread = this.#unread.shift();
    if (unread) return Promise.resolve(unread);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** A Buffer with `binary: false` goes as a text frame, whatever is in it. */
  send(data: string | Buffer, binary = typeof data !== "string"): void {
    if (this.open) this.#socket.send(data, { binary }, () => {});
  }

  close(code = 1000): void {
    this.#socket.close(code);
  }

  /** Without a word of goodbye. */
  cut(): void {
    this.#socket.terminate();
  }
}

/** What an agent reports that has done what it was asked. */
export function done({ session, epoch, phase, assignment }: Assign): Report {
  const hosts = assignment?.containers.map(({ host }) => host) ?? [];
  return {
    type: "report",
    session,
    epoch,
    phase,
    containers: hosts.map((host) => ({ host, status: phase, containerId: `id-of-${host}` })),
    ...(phase === "prepared" ? { identities: hosts.map(identityOf) } : {}),
  };
}

export function identityOf(host: string) {
  const key = (of: string) => `ssh-ed25519 ${Buffer.from(`${of}-${host}`).toString("base64")}`;
  return { host, user: "root", hostKey: key("host"), userKey: key("user") };
}
