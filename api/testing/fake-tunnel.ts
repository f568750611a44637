/** An agent's end of a tunnel: a real WebSocket to the worker, and streams that a test serves itself. */
import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import { CHANNEL, decodeFrame, encodeFrame } from "../../shared/streams/frames.ts";
import {
  type FromAgent,
  type Open,
  type ToAgent,
  type TunnelChallenge,
  tunnelProof,
} from "../../shared/streams/stream-messages.ts";
import { type FakeAgent, sign } from "./fake-agent.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class FakeTunnel {
  /** Input of each stream, as text. */
  readonly input = new Map<number, string>();
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #messages: { stream: number; message: ToAgent }[] = [];
  #arrived = Promise.withResolvers<void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.accept();
    socket.binaryType = "arraybuffer";
    this.closed = new Promise((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") return;
      const { stream, channel, payload } = decodeFrame(new Uint8Array(data))!;
      const text = decoder.decode(payload);
      if (channel === CHANNEL.control) this.#messages.push({ stream, message: JSON.parse(text) as ToAgent });
      else this.input.set(stream, (this.input.get(stream) ?? "") + text);
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
  }

  /** Dials and proves its key, as the agent does once its link asks for it. */
  static async open(agent: FakeAgent, session: string): Promise<FakeTunnel> {
    const response = await dialTunnel(agent.id, session);
    const socket = response.webSocket!;
    const challenged = new Promise<TunnelChallenge>((resolve) => {
      socket.addEventListener("message", ({ data }) => resolve(JSON.parse(data as string)), { once: true });
    });
    const tunnel = new FakeTunnel(socket);
    const { nonce } = await challenged;
    const signature = await sign(agent.keys, tunnelProof(agent.fleet, agent.id, session, nonce));
    tunnel.text({ type: "hello", signature });
    return tunnel;
  }

  /** Waits for a control message of that type that no earlier call returned. */
  async next<T extends ToAgent = ToAgent>(type: T["type"]): Promise<{ stream: number; message: T }> {
    while (true) {
      const at = this.#messages.findIndex(({ message }) => message.type === type);
      if (at >= 0) return this.#messages.splice(at, 1)[0] as { stream: number; message: T };
      await this.#arrived.promise;
    }
  }

  /** The next stream that the API opens; answers `opened`. */
  async accept(): Promise<{ stream: number; open: Open }> {
    const { stream, message } = await this.next<Open>("open");
    this.say(stream, { type: "opened", window: message.window });
    return { stream, open: message };
  }

  say(stream: number, message: FromAgent | object): void {
    this.#socket.send(encodeFrame(stream, CHANNEL.control, encoder.encode(JSON.stringify(message))));
  }

  data(stream: number, bytes: string | Uint8Array, channel: 1 | 2 = CHANNEL.output): void {
    this.#socket.send(
      encodeFrame(stream, channel, typeof bytes === "string" ? encoder.encode(bytes) : bytes),
    );
  }

  /** Sends what is no frame of a tunnel. */
  raw(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  text(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  close(): void {
    this.#socket.close(1000, "test");
  }
}

export async function dialTunnel(node: string, session: string): Promise<Response> {
  const response = await exports.default.fetch(
    `https://skein.test/v1/agents/tunnel?node=${node}&session=${session}`,
    { headers: { upgrade: "websocket" } },
  );
  expect(response.status).toBe(101);
  return response;
}
