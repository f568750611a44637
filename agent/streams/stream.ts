/** One stream of a tunnel, as the agent's code for its kind sees it: `exec`, `port`, `logs`, `files` or `http`. */

import type { StreamEnd } from "../../shared/streams/ends.ts";
import type { Channel } from "../../shared/streams/frames.ts";
import type { FileStat, FromClient, HttpResponse, Open } from "../../shared/streams/stream-messages.ts";

export interface Stream {
  /** Aborted when the stream is over for the other side: the client is gone, or the tunnel broke. */
  readonly signal: AbortSignal;
  /** The client's bytes in order, until its `end`. A piece counts as consumed when the next one is asked for. Ends also with the signal. */
  readonly input: AsyncIterable<Buffer>;
  /** Resizes and signals, from now on. */
  onControl(take: (message: Extract<FromClient, { type: "resize" | "signal" }>) => void): void;
  /** Says `opened`. Nothing else may be sent before. */
  opened(): void;
  /** Sends bytes, in frames, as the client's credit allows. Resolves when all are sent. @throws the signal's reason */
  write(channel: Channel, bytes: Uint8Array): Promise<void>;
  /** No more bytes follow. */
  end(): void;
  exit(code: number): void;
  live(): void;
  /** Files: what the path is. */
  stat(stat: FileStat): void;
  /** HTTP: the answer's head. */
  response(head: Omit<HttpResponse, "type">): void;
}

/** What ends a stream with a code of its own. Any other error ends it with `failed`. */
export class StreamFailure extends Error {
  override readonly name = "StreamFailure";
  readonly code: StreamEnd;

  constructor(code: StreamEnd, message: string) {
    super(message);
    this.code = code;
  }
}

/** Serves one stream. When it resolves, the stream closes with `done`. @throws StreamFailure */
export type Serve<O extends Open> = (stream: Stream, open: O) => Promise<void>;
