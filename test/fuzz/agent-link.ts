/**
 * The fuzz run over the link, to the agent: an API that sends anything, and the agent's link without an agent. The run predicts the agent's
 * reaction to each frame. The agent accepts exactly the valid frames in their order. For others it closes with 4000, does nothing, and
 * dials again.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { type WebSocket, WebSocketServer } from "ws";
import { Link } from "../../agent/link/link.ts";
import { Rotation } from "../../agent/link/rotation.ts";
import { makeLog } from "../../agent/log.ts";
import { NodeAddresses } from "../../agent/network/node-addresses.ts";
import { NodeKeys } from "../../agent/node/node-keys.ts";
import { ApiMessage, type Assign, CLOSE, PONG, PROTOCOL } from "../../shared/protocol/protocol.ts";
import { ABOUT } from "../support/node.ts";
import { conversation, FLEET } from "./api-frames.ts";
import type { Frame } from "./node-frames.ts";
import { within } from "./within.ts";

export interface Figures {
  seed: number;
  /** Sent. */
  frames: number;
  understood: number;
  /** How connections ended, by close code; the run itself also uses 4000 to end those with valid frames only. */
  closes: Record<string, number>;
  /** How often the agent stopped dialling, because the API belonged to another fleet. */
  stops: number;
  /** Assignments that the link handed on. */
  taken: number;
  faults: string[];
}

const CHUNK = 50;
const LIMIT = 32 * 1024 * 1024;

/** Sends `count` frames, the same ones for the same seed. */
export async function fuzzAgentLink(seed: number, count: number): Promise<Figures> {
  const figures: Figures = { seed, frames: 0, understood: 0, closes: {}, stops: 0, taken: 0, faults: [] };
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const run = new AgentFuzz(server, figures);
  try {
    for (let chunk = 0; figures.frames < count; chunk++) {
      for (const each of fc.sample(conversation, { seed: seed + chunk * 1_000_003, numRuns: CHUNK })) {
        if (figures.frames >= count) break;
        await run.converse(each, count - figures.frames);
      }
    }
  } finally {
    await run.end();
    server.close();
  }
  return figures;
}

class AgentFuzz {
  readonly #server: WebSocketServer;
  readonly #figures: Figures;
  readonly #leaving = new AbortController();
  readonly #taken: Assign[] = [];
  readonly #dialled: WebSocket[] = [];
  readonly #nodes = new NodeAddresses();
  /** Number of the last change of the fleet's nodes that the agent must have taken. */
  #lastChange = 0;
  readonly #stateDir = mkdtempSync(join(tmpdir(), "skein-fuzz-"));
  readonly #keys = new NodeKeys(this.#stateDir);
  readonly #publicKey = this.#keys.publicKey;
  #stopped: Promise<string | undefined>;

  constructor(server: WebSocketServer, figures: Figures) {
    this.#server = server;
    this.#figures = figures;
    server.on("connection", (socket) => this.#dialled.push(socket));
    this.#stopped = this.#dial();
  }

  #dial(): Promise<string | undefined> {
    const log = makeLog(() => {});
    const joined = { fleet: FLEET, node: "node_1" };
    const link = new Link({
      api: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      joined,
      sign: (text) => this.#keys.sign(text),
      rotation: new Rotation({ keys: this.#keys, joined, wanted: false, log }),
      about: async () => ({ bootId: "boot", ...ABOUT, has: [], nodes: this.#nodes.number }),
      onWelcome: (assignments) => this.#taken.push(...assignments),
      onAssign: (assign) => this.#taken.push(assign),
      onNodes: (change) => this.#nodes.apply(change),
      onTunnel: () => {},
      log,
      random: () => 0,
    });
    return link.run(this.#leaving.signal);
  }

  /** One connection to its end; at most `most` frames. */
  async converse(frames: Frame[], most: number): Promise<void> {
    const said = () => frames.map(({ text, as = "" }) => `${as}${text.slice(0, 400)}`).join("\n    ");
    const fault = (what: string) => this.#figures.faults.push(`${what}\n    ${said()}`);
    const socket = await within(this.#connection());
    if (!socket) {
      fault("the agent did not dial again before this frame");
      return;
    }
    const closed = new Promise<number>((resolve) => socket.on("close", resolve));
    const expected: Assign[] = [];
    this.#taken.length = 0;
    let heard = "nothing";
    let verdict: Verdict = "take";
    for (const frame of frames.slice(0, most)) {
      const message = messageOf(frame);
      verdict = foresee(frame, message, heard, this.#lastChange);
      this.#figures.frames++;
      socket.send(bytesOf(frame), { binary: frame.as === "binary" }, () => {});
      if (verdict !== "take") break;
      this.#figures.understood++;
      if (frame.wrong) fault(`the protocol lets pass ${frame.text}`);
      if (message === undefined) continue;
      if (message.type === "challenge" || message.type === "welcome") heard = message.type;
      if (message.type === "nodes") this.#lastChange = message.number;
      if (message.type === "challenge") await within(once(socket, "message"));
      else if (message.type === "welcome") expected.push(...message.assignments);
      else if (message.type === "assign") expected.push(message);
    }
    if (verdict === "take") socket.send("{");
    const code = await within(closed);
    this.#figures.closes[String(code)] = (this.#figures.closes[String(code)] ?? 0) + 1;
    if (verdict === "stop") {
      const reason = await within(this.#stopped);
      if (reason === undefined) fault("the agent did not stop");
      this.#figures.stops++;
      this.#stopped = this.#dial();
    } else if (verdict === "resync") {
      if (code !== CLOSE.resync.code) fault(`closed with ${code}`);
      this.#lastChange = 0;
    } else if (verdict === "unread" ? code === undefined : code !== CLOSE.badMessage.code) {
      fault(`closed with ${code}`);
    }
    // It asked for no rotation, so its key stays, whatever the API sends.
    if (this.#keys.publicKey !== this.#publicKey) fault("the node's key was replaced");
    this.#figures.taken += this.#taken.length;
    const taken = JSON.stringify(this.#taken);
    if (taken !== JSON.stringify(expected))
      fault(`took ${taken.slice(0, 1000)}, not ${JSON.stringify(expected).slice(0, 1000)}`);
  }

  async #connection(): Promise<WebSocket> {
    if (this.#dialled.length === 0) await once(this.#server, "connection");
    return this.#dialled.shift()!;
  }

  async end(): Promise<void> {
    this.#leaving.abort();
    await this.#stopped;
    for (const socket of this.#server.clients) socket.terminate();
    rmSync(this.#stateDir, { recursive: true });
  }
}

/** `unread`: the WebSocket's own code refuses it (RFC 6455, 7.4.1: 1007, 1009). `resync`: it does not fit the frames before it. */
type Verdict = "take" | "refuse" | "unread" | "stop" | "resync";

const MAY_FOLLOW: Record<ApiMessage["type"], string[]> = {
  challenge: ["nothing"],
  welcome: ["challenge", "welcome"],
  tunnel: ["welcome"],
  assign: ["welcome"],
  rotated: ["welcome"],
  nodes: ["challenge", "welcome"],
};

function foresee(frame: Frame, message: ApiMessage | undefined, heard: string, lastChange: number): Verdict {
  if (frame.as === "broken" || bytesOf(frame).length > LIMIT) return "unread";
  if (frame.text === PONG && frame.as === undefined) return "take";
  if (!message || !MAY_FOLLOW[message.type].includes(heard)) return "refuse";
  if (message.type === "nodes" && message.since !== 0 && message.since !== lastChange) return "resync";
  if (message.type !== "challenge") return "take";
  const { fleet, protocol } = message;
  return fleet === FLEET && protocol.min <= PROTOCOL.max && protocol.max >= PROTOCOL.min ? "take" : "stop";
}

function messageOf({ text, as }: Frame): ApiMessage | undefined {
  try {
    return as === undefined ? ApiMessage.safeParse(JSON.parse(text)).data : undefined;
  } catch {
    return undefined;
  }
}

function bytesOf({ text, as, huge = 0 }: Frame): Buffer {
  const start = as === "broken" ? [Buffer.from([0xff, 0xc3])] : [];
  return Buffer.concat([...start, Buffer.from(text), Buffer.alloc(huge, " ")]);
}
