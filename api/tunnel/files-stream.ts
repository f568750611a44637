/** The API's end of one stream of files: a tar archive into, or out of, a container. */
import { type ErrorCode, SkeinError } from "../../shared/errors/errors.ts";
import { Consumed, Credit, costOf } from "../../shared/streams/credit.ts";
import type { StreamEnd } from "../../shared/streams/ends.ts";
import { CHANNEL, CLIENT_HEADER, FRAME_BYTES } from "../../shared/streams/frames.ts";
import type { FileStat } from "../../shared/streams/stream-messages.ts";
import { Waiters } from "../platform/waiters.ts";
import type { NodeTunnel, Opening, TunnelStream } from "./node-tunnel.ts";

/** How a stream's end is answered over HTTP. */
const CODES: Partial<Record<StreamEnd, ErrorCode>> = {
  no_such_path: "not_found",
  bad_files: "invalid_request",
  no_space: "no_space",
  not_running: "not_running",
  node_disconnected: "node_disconnected",
  too_many_streams: "too_many_streams",
  revoked: "unauthorized",
};

/** How a stream has ended. */
export interface Ended {
  code: StreamEnd;
  reason: string;
}

/** The problem of a stream that ended with anything but `done`. */
export function problemOf({ code, reason }: Ended): SkeinError {
  const known = CODES[code] ?? "unavailable";
  // So that a client can tell a path from a session or a container that is not there.
  const errors = code === "no_such_path" ? { errors: [{ field: "path", message: reason }] } : {};
  const retryAfter = known === "node_disconnected" || known === "too_many_streams" ? { retryAfter: 5 } : {};
  return new SkeinError(known, reason || code, { ...retryAfter, ...errors });
}

/** So long an engine may take for anything, and a client may stand still. */
const PATIENCE_SECONDS = 300;
const WATCH_MS = 30_000;

export class FilesStream {
  readonly host: string;
  readonly #stream: TunnelStream;
  readonly #waiters = new Waiters();
  /** What the container's side may still get. */
  readonly #credit: Credit;
  readonly #consumed: Consumed;
  readonly #over = Promise.withResolvers<void>();
  readonly #idle: number;
  #movedAt = Date.now();
  #pieces: Uint8Array[] = [];
  #isOpen = false;
  #stat: FileStat | undefined;
  #ended: Ended | undefined;

  constructor(tunnel: NodeTunnel, opening: Extract<Opening, { kind: "files" }>) {
    this.host = opening.host;
    this.#stream = tunnel.open(opening, {
      onData: (frame) => this.#changed(() => frame[0] === CHANNEL.output && this.#pieces.push(frame)),
      onMessage: (message) =>
        this.#changed(() => {
          if (message.type === "opened") this.#isOpen = true;
          else if (message.type === "stat") this.#stat = message.stat;
        }),
      onCredit: (bytes) => this.#changed(() => this.#credit.grant(bytes)),
      onClose: (code, reason) =>
        this.#changed(() => {
          this.#ended = { code, reason };
          clearInterval(this.#idle);
          this.#over.resolve();
        }),
    });
    this.#idle = setInterval(() => {
      if (Date.now() - this.#movedAt > PATIENCE_SECONDS * 1000)
        this.end("failed", `${this.host}: nothing happened for ${PATIENCE_SECONDS} s`);
    }, WATCH_MS);
    this.#credit = new Credit(this.#stream.window);
    this.#consumed = new Consumed(this.#stream.window);
  }

  /** Undefined as long as it goes on. */
  get ended(): Ended | undefined {
    return this.#ended;
  }

  /** Resolves when it has ended. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Resolves when the container's side takes an archive, or the stream has ended. */
  async opened(): Promise<void> {
    await this.#until(() => this.#isOpen);
  }

  /** What the path is. @throws SkeinError */
  async stat(): Promise<FileStat> {
    await this.#until(() => this.#stat !== undefined);
    if (!this.#stat) throw problemOf(this.#ended!);
    return this.#stat;
  }

  /** Sends bytes into the container, as fast as it takes them. Returns at once if the stream has ended. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#ended; ) {
      const size = Math.min(FRAME_BYTES, this.#credit.room, bytes.length - at);
      if (size === 0) await this.#until(() => this.#credit.room > 0);
      else {
        this.#credit.spend(size);
        this.#stream.input(bytes.subarray(at, at + size));
        at += size;
      }
    }
  }

  /** All was sent. Resolves to how the stream ends: `done` if everything is in the container. */
  async finish(): Promise<Ended> {
    this.#stream.tell({ type: "end" });
    await this.#until(() => false);
    return this.#ended!;
  }

  /** The next bytes from the container; undefined after the last. @throws SkeinError */
  async read(): Promise<Uint8Array | undefined> {
    await this.#until(() => this.#pieces.length > 0);
    this.#movedAt = Date.now();
    const frame = this.#pieces.shift();
    if (!frame) {
      if (this.#ended?.code === "done") return undefined;
      throw problemOf(this.#ended!);
    }
    const due = this.#consumed.add(costOf(frame.length - CLIENT_HEADER));
    if (due > 0) this.#stream.consumed(due);
    return frame.slice(CLIENT_HEADER);
  }

  end(code: StreamEnd, reason: string): void {
    this.#stream.end(code, reason);
  }

  #changed(change: () => unknown): void {
    this.#movedAt = Date.now();
    change();
    this.#waiters.check();
  }

  /** Resolves when it is so, or the stream has ended. */
  async #until(isSo: () => boolean): Promise<void> {
    const isReady = () => this.#ended !== undefined || isSo();
    if (isReady()) return;
    await this.#waiters.wait(isReady, PATIENCE_SECONDS);
    if (!isReady()) this.end("failed", `${this.host}: nothing happened for ${PATIENCE_SECONDS} s`);
  }
}
