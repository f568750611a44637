/** A node's end of a tunnel, frame by frame, for tests against a real API: it may also send what no agent would. */
import type WebSocket from "ws";
import { PONG } from "../../shared/protocol/protocol.ts";
import { CHANNEL, type Channel, decodeFrame, encodeFrame, type Frame } from "../../shared/streams/frames.ts";
import { TunnelChallenge, type TunnelHello, tunnelProof } from "../../shared/streams/stream-messages.ts";
import { AgentSocket, dialAsAgent } from "./agent-socket.ts";
import { keepAlive } from "./keep-alive.ts";
import type { TestNode } from "./node.ts";
import type { ApiClient } from "./server.ts";

export class TunnelSocket extends AgentSocket {
  readonly challenged: Promise<TunnelChallenge>;
  onFrame: (frame: Frame) => void = () => {};

  private constructor(socket: WebSocket) {
    super(socket);
    const challenge = Promise.withResolvers<TunnelChallenge>();
    this.challenged = challenge.promise;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      this.heardAt = performance.now();
      if (isBinary) this.onFrame(decodeFrame(data)!);
      else if (String(data) !== PONG) challenge.resolve(TunnelChallenge.parse(JSON.parse(String(data))));
    });
  }

  /** `query`: the text after `?`. */
  static async dial(api: ApiClient, query: string): Promise<TunnelSocket> {
    return await new TunnelSocket(dialAsAgent(api, `/v1/agents/tunnel?${query}`)).dialled();
  }

  /** Dials and proves its node's key, as an agent does when its link asks for a tunnel. @throws Error if it is turned away */
  static async open(node: TestNode, session: string): Promise<TunnelSocket> {
    const socket = await TunnelSocket.dial(node.api, `node=${node.id}&session=${session}`);
    const first = await Promise.race([socket.challenged, socket.closed]);
    if ("code" in first) throw new Error(`a tunnel was closed with ${first.code} ${first.reason}`);
    socket.prove(node, session, first.nonce);
    socket.closed.then(keepAlive(socket));
    return socket;
  }

  prove(node: TestNode, session: string, nonce: string): void {
    const signature = node.sign(tunnelProof(node.fleet, node.id, session, nonce));
    this.raw(JSON.stringify({ type: "hello", signature } satisfies TunnelHello));
  }

  say(stream: number, message: object): void {
    this.send(stream, CHANNEL.control, Buffer.from(JSON.stringify(message)));
  }

  send(stream: number, channel: Channel, payload: Uint8Array): void {
    this.raw(encodeFrame(stream, channel, payload));
  }

  /** Anything, also what is no frame. A Buffer with `binary: false` goes as a text frame. */
  raw(data: string | Uint8Array, binary = typeof data !== "string"): void {
    if (this.open) this.socket.send(data, { binary }, () => {});
  }

  /** Stops reading, as an agent that is frozen. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }
}
