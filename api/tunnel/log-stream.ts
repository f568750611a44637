/** The logs of a session's containers as one stream of bytes, merged by time and pulled by its reader. */
import { nextSource } from "../../shared/streams/merge-records.ts";
import { pulledStream } from "../platform/pulled-stream.ts";
import { Waiters } from "../platform/waiters.ts";
import { bytesOf, type LogFormat } from "./log-text.ts";
import { NodeLogs, type NodeLogsOptions } from "./logs-of-node.ts";

/** Bytes of a piece, about. */
const PIECE_BYTES = 64 * 1024;
/** After so much silence an empty line says that the connection stands. Readers of JSON lines skip it. */
const SILENT_SECONDS = 15;

export interface LogStreamOptions {
  nodes: readonly Omit<NodeLogsOptions, "wake">[];
  format: LogFormat;
  /** Lines of more than one container. */
  several: boolean;
}

export class LogStream {
  readonly #options: LogStreamOptions;
  readonly #sources: NodeLogs[];
  readonly #waiters = new Waiters();
  #isStopped = false;

  constructor(options: LogStreamOptions) {
    this.#options = options;
    const wake = () => this.#waiters.check();
    this.#sources = options.nodes.map((node) => new NodeLogs({ ...node, wake }));
  }

  /** Ends the stream where it is. */
  stop(): void {
    this.#isStopped = true;
    for (const source of this.#sources) source.stop();
    this.#waiters.check();
  }

  /** `closed` is called once, however it ends. */
  bytes(closed: () => void): ReadableStream<Uint8Array> {
    return pulledStream({
      next: () => this.#next(),
      close: () => {
        this.stop();
        closed();
      },
    });
  }

  async #next(): Promise<Uint8Array | string | undefined> {
    const isReady = () => this.#isStopped || nextSource(this.#sources) !== undefined || this.#isOver();
    if (!isReady()) await this.#waiters.wait(isReady, SILENT_SECONDS);
    if (this.#isStopped) return undefined;
    const piece = this.#piece();
    if (piece.length > 0) return piece;
    if (this.#isOver()) return undefined;
    // Text is the container's own: nothing may be added to it.
    return this.#options.format === "json" ? "\n" : await this.#next();
  }

  #isOver(): boolean {
    return this.#sources.every((source) => source.isOver);
  }

  #piece(): Uint8Array {
    const { format, several } = this.#options;
    const parts: Uint8Array[] = [];
    let size = 0;
    while (size < PIECE_BYTES) {
      const source = nextSource(this.#sources);
      if (!source) break;
      const bytes = bytesOf(source.head()!, format, several);
      for (const part of bytes) size += part.length;
      parts.push(...bytes);
      source.shift();
    }
    const piece = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      piece.set(part, at);
      at += part.length;
    }
    return piece;
  }
}
