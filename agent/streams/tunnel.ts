/** A tunnel: the second kind of socket that an agent dials, on demand. It carries the streams of one session's containers on this node. */
import { CLOSE } from "../../shared/protocol/protocol.ts";
import { TUNNEL_STREAMS } from "../../shared/streams/credit.ts";
import { CHANNEL, type Channel, decodeFrame, encodeFrame, type Frame } from "../../shared/streams/frames.ts";
import {
  type Open,
  ToAgent,
  TunnelChallenge,
  type TunnelHello,
  tunnelProof,
} from "../../shared/streams/stream-messages.ts";
import { type Dialled, dial, type Ended, socketUrl } from "../link/dial.ts";
import { FrameMemory } from "./frame-memory.ts";
import { type Serve, StreamFailure } from "./stream.ts";
import { TunnelStream } from "./tunnel-stream.ts";

export interface TunnelOptions {
  /** The API's URL, `http(s)://…`. */
  api: string;
  fleet: string;
  node: string;
  session: string;
  /** Signs with the node's key: Ed25519 (RFC 8032), in base64url. */
  sign(text: string): string;
  serve: Serve<Open>;
}

export interface TunnelEnded extends Ended {
  /** It has carried a stream. */
  opened: boolean;
  /** Resolves when all its streams have been served to their end: a command that is left has some seconds. */
  served: Promise<unknown>;
}

/** Resolves when the tunnel is over, and all its streams with it; never rejects. */
export async function tunnel(options: TunnelOptions, signal: AbortSignal): Promise<TunnelEnded> {
  const { api, fleet, node, session, serve } = options;
  const streams = new Map<number, TunnelStream>();
  const serving = new Set<Promise<void>>();
  let dialled: Dialled | undefined;
  let last = 0;

  const memory = new FrameMemory();
  const send = (number: number, channel: Channel, payload: Uint8Array) => {
    const lent = memory.take(payload.length);
    const sent = lent && (() => memory.giveBack(lent));
    dialled!.send(encodeFrame(number, channel, payload, lent), sent);
  };

  const start = (number: number, open: Open) => {
    const stream = new TunnelStream(open.window, (channel, payload) => send(number, channel, payload));
    last = number;
    if (streams.size >= TUNNEL_STREAMS)
      return stream.close("too_many_streams", "this tunnel carries as many streams as it may");
    streams.set(number, stream);
    const served = serve(stream, open)
      .then(
        () => stream.close("done", ""),
        (error: Error) => stream.close(error instanceof StreamFailure ? error.code : "failed", error.message),
      )
      .finally(() => {
        streams.delete(number);
        serving.delete(served);
      });
    serving.add(served);
  };

  const take = ({ stream: number, channel, payload }: Frame) => {
    const stream = streams.get(number);
    if (channel === CHANNEL.control) {
      const message = ToAgent.parse(JSON.parse(Buffer.from(payload).toString("utf8")));
      if (message.type === "open") {
        if (number <= last) throw new Error(`stream ${number} was open before`);
        return start(number, message);
      }
      // Frames of a stream that has ended here may still be under way.
      return guarded(stream, () => stream?.control(message));
    }
    if (channel !== CHANNEL.input) throw new Error(`data on channel ${channel}`);
    if (!stream && number > last) throw new Error(`stream ${number} was never opened`);
    guarded(stream, () => stream?.data(payload));
  };

  const ended = await dial(
    {
      url: socketUrl(api, "/v1/agents/tunnel", { node, session }),
      async onText(text, socket) {
        if (dialled) throw new Error("a second challenge");
        dialled = socket;
        const challenge = TunnelChallenge.parse(JSON.parse(text));
        if (challenge.fleet !== fleet) return socket.close(CLOSE.unknownNode, "this API is of another fleet");
        const signature = options.sign(tunnelProof(fleet, node, session, challenge.nonce));
        const hello: TunnelHello = { type: "hello", signature };
        socket.send(JSON.stringify(hello));
      },
      onBinary(bytes) {
        const frame = decodeFrame(bytes);
        if (!frame || !dialled) throw new Error("no frame of a tunnel");
        take(frame);
      },
    },
    signal,
  );
  for (const stream of streams.values()) stream.abort("node_disconnected", ended.reason);
  return { ...ended, opened: last > 0, served: Promise.all(serving) };
}

/** A client's mistake ends its stream, not the tunnel. */
function guarded(stream: TunnelStream | undefined, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof StreamFailure)) throw error;
    stream?.close(error.code, error.message);
  }
}
