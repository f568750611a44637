/** A node's side of the link for tests against a real API: a key, a WebSocket and the protocol, but no containers. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type WebSocket from "ws";
import type { AgentJoin } from "../../shared/node/node-schemas.ts";
import {
  type ApiMessage,
  type Assign,
  type Challenge,
  connectProof,
  type Hello,
  PONG,
  PROTOCOL,
  type Report,
} from "../../shared/protocol/protocol.ts";
import { FACTS } from "../../shared/testing/fixtures.ts";
import { done } from "../../shared/testing/reports.ts";
import { AgentSocket, dialAsAgent } from "./agent-socket.ts";
import { keepAlive } from "./keep-alive.ts";
import type { ApiClient } from "./server.ts";

/** The facts that a node reports besides its name. */
export type About = Pick<AgentJoin, "address" | "capacity" | "facts">;

export const ABOUT: About = {
  address: "192.0.2.1",
  capacity: { cpu: 8, memory: 16 * 2 ** 30, gpu: 0 },
  facts: FACTS,
};

/** Frames that went over links, and their bytes; pings and pongs are not counted. */
export interface Traffic {
  framesReceived: number;
  bytesReceived: number;
  framesSent: number;
  bytesSent: number;
}

export function noTraffic(): Traffic {
  return { framesReceived: 0, bytesReceived: 0, framesSent: 0, bytesSent: 0 };
}

/** A link that ended before its welcome; the message is the same for the same cause. */
export class LinkRefused extends Error {
  /** The API's close code, or 1006. */
  readonly code: number;
  /** Seconds to wait before the next dial (Retry-After). */
  readonly afterMs: number;

  constructor(code: number, why: string, afterMs: number) {
    super(why);
    this.code = code;
    this.afterMs = afterMs;
  }
}

export class TestNode {
  readonly api: ApiClient;
  readonly id: string;
  readonly fleet: string;
  readonly name: string;
  readonly about: About;
  readonly key: KeyObject;

  private constructor(
    api: ApiClient,
    id: string,
    fleet: string,
    { name, about, key }: { name: string; about: About; key: KeyObject },
  ) {
    this.api = api;
    this.id = id;
    this.fleet = fleet;
    this.name = name;
    this.about = about;
    this.key = key;
  }

  /** Joins the fleet, labelled with its own name; does not connect. */
  static async join(
    api: ApiClient,
    name: string,
    about: About = ABOUT,
    labels: Record<string, string> = {},
  ): Promise<TestNode> {
    const { token } = (await (await api.call("POST", "/v1/join-tokens")).json()) as { token: string };
    const { publicKey, privateKey: key } = generateKeyPairSync("ed25519");
    const body = {
      ...about,
      joinToken: token,
      publicKey: publicKey.export({ format: "jwk" }).x!,
      name,
      labels: { name, ...labels },
    };
    const response = await api.call("POST", "/v1/agents", body);
    if (response.status !== 201) throw new Error(`${name} cannot join: ${await response.text()}`);
    const { nodeId, fleet } = (await response.json()) as { nodeId: string; fleet: string };
    return new TestNode(api, nodeId, fleet, { name, about, key });
  }

  /** With its key: Ed25519 (RFC 8032), in base64url. */
  sign(text: string): string {
    return sign(null, Buffer.from(text), this.key).toString("base64url");
  }

  signature(nonce: string): string {
    return this.sign(connectProof(this.fleet, this.id, nonce));
  }

  hello(nonce: string): Hello {
    return {
      type: "hello",
      protocol: PROTOCOL,
      fleet: this.fleet,
      node: this.id,
      signature: this.signature(nonce),
      bootId: "boot",
      has: [],
      nodes: 0,
      ...this.about,
    };
  }

  /** Dials, proves its key and gets its welcome. From then on it obeys. @throws LinkRefused */
  async follow(react: (assign: Assign) => Report = done, traffic = noTraffic()): Promise<NodeSocket> {
    const socket = await NodeSocket.dial(this.api, this.id, traffic);
    const left = keepAlive(socket);
    socket.closed.then(left);
    const first = await Promise.race([socket.next(), socket.closed]);
    if ("code" in first) throw refusal(socket, first);
    const { nonce } = first as Challenge;
    const parts = new Map<string, Assign["part"]>();
    socket.skips = NO_ANSWER;
    socket.onFrame = (frame) => {
      if (frame.type === "tunnel") socket.onTunnel(frame.session);
      const assigns = frame.type === "assign" ? [frame] : frame.type === "welcome" ? frame.assignments : [];
      for (const assign of assigns) {
        // It comes with the first frame of an epoch only.
        const key = `${assign.session} ${assign.epoch}`;
        if (assign.part) parts.set(key, assign.part);
        const part = assign.phase === "removed" ? undefined : parts.get(key);
        socket.send(JSON.stringify(react(part ? { ...assign, part } : assign)));
      }
    };
    socket.send(JSON.stringify(this.hello(nonce)));
    const ended = await Promise.race([socket.welcomed, socket.closed]);
    if ("code" in ended) throw refusal(socket, ended);
    return socket;
  }
}

function refusal(
  { failure, afterMs }: NodeSocket,
  { code, reason }: { code: number; reason: string },
): LinkRefused {
  return new LinkRefused(code, failure || `the link was closed with ${code} ${reason}`.trim(), afterMs);
}

/** The start of frames that need no answer. With thousands of nodes they are most of the bytes, so they stay unparsed. */
const NO_ANSWER = '{"type":"nodes"';

/** A WebSocket to `/v1/agents/connect`: frames in order, and how it closed. */
export class NodeSocket extends AgentSocket {
  /** Resolves with the first welcome. */
  readonly welcomed: Promise<Extract<ApiMessage, { type: "welcome" }>>;
  /** Frames that begin like this are only counted. */
  skips: string | undefined;
  /** Receives frames that no call of `next` takes. */
  onFrame: (frame: ApiMessage) => void = () => {};
  /** The API wants a tunnel for this session. */
  onTunnel: (session: string) => void = () => {};
  readonly #traffic: Traffic;
  #waiting: ((frame: ApiMessage) => void) | undefined;
  #unread: ApiMessage[] = [];

  private constructor(socket: WebSocket, traffic: Traffic) {
    super(socket);
    this.#traffic = traffic;
    const welcome = Promise.withResolvers<Extract<ApiMessage, { type: "welcome" }>>();
    this.welcomed = welcome.promise;
    socket.on("message", (data: Buffer) => {
      this.heardAt = performance.now();
      if (isText(data, PONG)) return;
      traffic.framesReceived++;
      traffic.bytesReceived += data.length;
      if (this.skips !== undefined && isText(data.subarray(0, this.skips.length), this.skips)) return;
      const frame = JSON.parse(String(data)) as ApiMessage;
      if (frame.type === "welcome") welcome.resolve(frame);
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting) waiting(frame);
      else if (frame.type === "challenge") this.#unread.push(frame);
      else this.onFrame(frame);
    });
  }

  /** `query`: the text after `?node=`, which should be the node's id. */
  static async dial(api: ApiClient, query: string, traffic = noTraffic()): Promise<NodeSocket> {
    return await new NodeSocket(dialAsAgent(api, `/v1/agents/connect?node=${query}`), traffic).dialled();
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
    if (!this.open) return;
    this.#traffic.framesSent++;
    this.#traffic.bytesSent += Buffer.byteLength(data);
    this.socket.send(data, { binary }, () => {});
  }
}

function isText(data: Buffer, text: string): boolean {
  return data.length === text.length && data.toString("latin1") === text;
}
