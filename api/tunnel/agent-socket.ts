/** An agent's WebSocket: the node proves its key, and then it is a tunnel. */
import { type Bucket, spend } from "../../shared/access/bucket.ts";
import { CLOSE, PING, PONG } from "../../shared/protocol/protocol.ts";
import { TunnelHello, tunnelProof } from "../../shared/streams/stream-messages.ts";
import type { Close } from "../link/link-sockets.ts";
import { isSigned } from "../link/node-key.ts";
import { randomText } from "../platform/hash.ts";
import { logError } from "../platform/log-error.ts";
import type { Dialling } from "./dials.ts";
import { NodeTunnel } from "./node-tunnel.ts";

export interface AgentListener {
  /** The node has proven its key. */
  onProven(tunnel: NodeTunnel): void;
  /** The last call. `tunnel`: undefined if the node has not proven its key. */
  onOver(tunnel: NodeTunnel | undefined, reason: string): void;
}

/** How long the proof may take. */
const PROOF_MS = 10_000;
/** An agent sends a ping every `pingSeconds`. Each answer waits in memory until the agent reads it. */
const PINGS = { burst: 100, perMinute: 60 } as const;

export class AgentSocket {
  readonly #socket: WebSocket;
  readonly #dial: Dialling;
  readonly #listener: AgentListener;
  readonly #nonce = randomText();
  readonly #tooLate: number;
  #state: "challenged" | "greeting" | "proven" | "over" = "challenged";
  #tunnel: NodeTunnel | undefined;
  #pings: Bucket | undefined;

  constructor(socket: WebSocket, dial: Dialling, listener: AgentListener) {
    this.#socket = socket;
    this.#dial = dial;
    this.#listener = listener;
    this.#tooLate = setTimeout(() => this.end(CLOSE.resync, "the node did not prove its key"), PROOF_MS);
    socket.addEventListener("message", ({ data }) => void this.#message(data as string | ArrayBuffer));
    const broke = () => this.end(CLOSE.resync, "the node's tunnel broke");
    socket.addEventListener("close", broke);
    socket.addEventListener("error", broke);
    socket.send(JSON.stringify({ type: "challenge", fleet: dial.fleet, nonce: this.#nonce }));
  }

  end({ code, reason }: Close, why: string): void {
    if (this.#state === "over") return;
    this.#state = "over";
    clearTimeout(this.#tooLate);
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(code, reason);
    this.#listener.onOver(this.#tunnel, why);
  }

  async #message(data: string | ArrayBuffer): Promise<void> {
    // An agent may go on sending until it sees the close.
    if (this.#state === "over") return;
    try {
      if (await this.#take(data)) return;
      this.end(CLOSE.badMessage, "the node sent a frame that the API does not understand");
    } catch (error) {
      logError(`a frame of the tunnel of ${this.#dial.node} could not be handled`, error);
      this.end(CLOSE.resync, "the API could not handle a frame of the node");
    }
  }

  /** False if it is nothing that an agent sends, or comes before its time. */
  async #take(data: string | ArrayBuffer): Promise<boolean> {
    if (this.#tunnel) this.#tunnel.seenAt = Date.now();
    if (data === PING) return this.#ping();
    if (this.#tunnel) return typeof data !== "string" && this.#tunnel.take(new Uint8Array(data));
    const signature = this.#state === "challenged" ? signatureIn(data) : undefined;
    if (signature === undefined) return false;
    this.#state = "greeting";
    const { fleet, node, session, publicKey } = this.#dial;
    const isRight = await isSigned(publicKey, signature, tunnelProof(fleet, node, session, this.#nonce));
    if (this.#state !== "greeting") return true;
    if (isRight) this.#proven();
    else this.end(CLOSE.badSignature, "the node did not prove its key");
    return true;
  }

  #ping(): boolean {
    const { bucket, retryAfter } = spend(this.#pings, PINGS, Date.now());
    this.#pings = bucket;
    if (retryAfter > 0) return false;
    this.#socket.send(PONG);
    return true;
  }

  #proven(): void {
    this.#state = "proven";
    clearTimeout(this.#tooLate);
    this.#tunnel = new NodeTunnel(this.#socket, Date.now());
    this.#listener.onProven(this.#tunnel);
  }
}

function signatureIn(data: string | ArrayBuffer): string | undefined {
  if (typeof data !== "string") return undefined;
  try {
    return TunnelHello.safeParse(JSON.parse(data)).data?.signature;
  } catch {
    return undefined;
  }
}
