/** The API's end of one stream of files: a tar archive into, or out of, a container. */
import { type ErrorCode, SkeinError } from "../../shared/errors/errors.ts";
import type { StreamEnd } from "../../shared/streams/ends.ts";
import type { FileStat } from "../../shared/streams/stream-messages.ts";
import { ByteStream, type Ended } from "./byte-stream.ts";
import type { NodeTunnel, Opening } from "./node-tunnel.ts";

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

export class FilesStream extends ByteStream {
  readonly host: string;

  constructor(tunnel: NodeTunnel, opening: Extract<Opening, { kind: "files" }>) {
    super(tunnel, opening);
    this.host = opening.host;
    const idle = setInterval(() => {
      if (Date.now() - this.movedAt > PATIENCE_SECONDS * 1000)
        this.end("failed", `${this.host}: nothing happened for ${PATIENCE_SECONDS} s`);
    }, WATCH_MS);
    void this.over.then(() => clearInterval(idle));
  }

  /** What the path is. @throws SkeinError */
  async stat(): Promise<FileStat> {
    const said = await this.said("stat");
    if (!said) throw problemOf(this.ended!);
    return said.stat;
  }

  /** The next bytes from the container; undefined after the last. @throws SkeinError if they are not all there are */
  async read(): Promise<Uint8Array | undefined> {
    const bytes = await this.next();
    if (bytes) return bytes;
    // Only its end says whether the archive is whole.
    await this.over;
    if (this.ended!.code === "done") return undefined;
    throw problemOf(this.ended!);
  }
}
