/** The output of a command, piece by piece, as the engine sends it. */
import type { Duplex } from "node:stream";
import { CHANNEL, type Channel } from "../../shared/streams/frames.ts";
import { framesOf } from "../docker/stream-frames.ts";

export interface Piece {
  channel: Channel;
  bytes: Buffer;
}

/** Ends when the command has closed its output. A terminal has one output only. */
export async function* piecesOf(socket: Duplex, tty: boolean): AsyncGenerator<Piece> {
  const chunks: AsyncIterable<Buffer> = socket.iterator({ destroyOnReturn: false });
  if (tty) for await (const bytes of chunks) yield { channel: CHANNEL.output, bytes };
  else
    for await (const frames of framesOf(chunks))
      for (const { stream, payload } of frames)
        yield { channel: stream === "stderr" ? CHANNEL.error : CHANNEL.output, bytes: payload };
}
