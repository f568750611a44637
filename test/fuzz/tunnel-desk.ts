/** A node's tunnels in the hands of the fuzz run: it opens them in many ways, echoes on one port, and notes what comes for the other streams. */
import { CHANNEL, type Frame } from "../../shared/streams/frames.ts";
import type { Open, ToAgent } from "../../shared/streams/stream-messages.ts";
import type { NodeSocket, TestNode } from "../support/node.ts";
import { TunnelSocket } from "../support/tunnel-socket.ts";
import type { Conversation } from "./stream-steps.ts";
import { closeLine, sorted } from "./stream-verdict.ts";
import { within } from "./within.ts";

/** Streams to it are echoed; a fuzzed stream is to another. */
export const ECHO_PORT = 9;

type Opening = NonNullable<Conversation["opening"]>;

export class TunnelDesk {
  tunnel: TunnelSocket | undefined;
  /** How the next tunnel is opened. */
  opening: Opening = "right";
  /** The stream that is fuzzed: its number (0: none yet), and what came for it. */
  number = 0;
  lines: string[] = [];
  /** Number of a stream that has ended; 0: none has. */
  ended = 0;
  /** Number of the last stream. */
  last = 0;
  readonly #node: TestNode;
  readonly #fault: (what: string) => void;
  readonly #echoes = new Set<number>();
  #arrived = Promise.withResolvers<void>();

  constructor(node: TestNode, link: NodeSocket, fault: (what: string) => void) {
    this.#node = node;
    this.#fault = fault;
    link.onTunnel = (session) => {
      // Another client has asked for it already.
      if (this.tunnel?.open) return;
      this.#open(session).catch((error: Error) =>
        fault(`the tunnel was not opened ${this.opening}: ${error.stack}`),
      );
    };
  }

  /** Begins a new conversation. */
  begin(): void {
    if (this.number > 0) this.ended = this.number;
    this.number = 0;
    this.lines = [];
  }

  /** Resolves when so many lines have come, or the tunnel is over. */
  async until(lines: number): Promise<void> {
    while (this.lines.length < lines && this.tunnel?.open) await this.#arrived.promise;
  }

  async #open(session: string): Promise<void> {
    const { opening } = this;
    this.opening = "right";
    const query = `node=${this.#node.id}&session=${session}`;
    const dial = () => TunnelSocket.dial(this.#node.api, query);
    const closes = async (socket: TunnelSocket, code: number) => {
      const closed = await within(socket.closed);
      if (closed?.code !== code) this.#fault(`a tunnel opened ${opening} was closed with ${closed?.code}`);
    };
    if (opening === "wrong key") {
      const socket = await dial();
      const { nonce } = await socket.challenged;
      socket.prove(this.#node, session, `${nonce}x`);
      await closes(socket, 4001);
    } else if (opening === "binary hello") {
      const socket = await dial();
      await socket.challenged;
      socket.raw(Buffer.from("{}"));
      await closes(socket, 4000);
    } else if (opening === "silent ones") {
      const silent = [await dial(), await dial(), await dial(), await dial()];
      await Promise.all(silent.map(({ challenged }) => challenged));
      this.#use(await TunnelSocket.open(this.#node, session));
      return await closes(silent[0]!, 4011);
    } else if (opening === "twice") {
      const [older, newer] = [await dial(), await dial()];
      const [{ nonce }, second] = await Promise.all([older.challenged, newer.challenged]);
      older.prove(this.#node, session, nonce);
      newer.prove(this.#node, session, second.nonce);
      this.#use(newer);
      return await closes(older, 4011);
    }
    this.#use(await TunnelSocket.open(this.#node, session));
  }

  #use(tunnel: TunnelSocket): void {
    this.tunnel = tunnel;
    this.#echoes.clear();
    this.number = 0;
    this.ended = 0;
    this.last = 0;
    tunnel.onFrame = (frame) => this.#take(tunnel, frame);
    void tunnel.closed.then(() => this.#wake());
  }

  #take(tunnel: TunnelSocket, { stream, channel, payload }: Frame): void {
    const message =
      channel === CHANNEL.control ? (JSON.parse(Buffer.from(payload).toString()) as ToAgent) : undefined;
    if (message?.type === "open") this.#opened(tunnel, stream, message);
    if (this.#echoes.has(stream)) this.#echo(tunnel, stream, payload, message);
    else if (stream === this.number) {
      this.lines.push(
        message === undefined
          ? `${channel}:${payload.length}`
          : message.type === "close"
            ? closeLine(message.code)
            : sorted(message),
      );
      this.#wake();
    } else if (!(message?.type === "close" || stream === this.ended))
      this.#fault(`a frame came for stream ${stream}, which is none`);
  }

  #opened(tunnel: TunnelSocket, stream: number, open: Open): void {
    this.last = stream;
    if (open.kind !== "port" || open.port !== ECHO_PORT) {
      this.number = stream;
      return;
    }
    this.#echoes.add(stream);
    tunnel.say(stream, { type: "opened", window: open.window });
  }

  #echo(tunnel: TunnelSocket, stream: number, payload: Uint8Array, message: ToAgent | undefined): void {
    if (message?.type === "close") {
      this.#echoes.delete(stream);
      this.ended = stream;
    }
    if (message) return;
    tunnel.send(stream, CHANNEL.output, payload);
    tunnel.say(stream, { type: "credit", bytes: payload.length + 256 });
  }

  #wake(): void {
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}
