/** Files into and out of a container, as tar archives, by the engine's archive calls. */
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { CHANNEL } from "../../shared/streams/frames.ts";
import type { OpenFiles } from "../../shared/streams/stream-messages.ts";
import { DockerError, type DockerPort } from "../docker/port.ts";
import { containerFiles } from "../ssh/archive.ts";
import { parseGroup, parsePasswd, runsAs } from "../ssh/passwd.ts";
import { enterFiles, type Find, notRunning } from "../streams/enterable.ts";
import { type Serve, type Stream, StreamFailure } from "../streams/stream.ts";
import { makeDirectory } from "./make-directory.ts";
import { BadArchive, type Owner, ownedBy } from "./owned-archive.ts";
import { statOf } from "./path-stat.ts";

/** A tar archive ends with two blocks of zeros. */
const END_BYTES = 1024;

export function serveFiles(docker: DockerPort, find: Find): Serve<OpenFiles> {
  return async function serveOneArchive(stream, { host, direction, path: asked, parents }) {
    const { containerId } = enterFiles(find, host);
    try {
      const { user, workdir } = await docker.configOf(containerId);
      const path = asked.startsWith("/") ? asked : posix.join(workdir, asked);
      const stat = await statOf(docker, containerId, path);
      if (!stat && !(parents && direction === "put"))
        throw new StreamFailure("no_such_path", `${host} has no ${path}`);
      if (direction === "put") {
        if (stat && !stat.isDirectory)
          throw new StreamFailure("bad_files", `${path} in ${host} is no directory`);
        const owner = await ownerOf(docker, containerId, user);
        if (!stat) await makeDirectory(docker, containerId, path, owner);
        stream.opened();
        await docker.unpack(containerId, path, ownedBy(inputOf(stream), owner), stream.signal);
        return;
      }
      const tar = direction === "get" ? await docker.getArchive(containerId, path) : undefined;
      if (direction === "get" && !tar) throw new StreamFailure("no_such_path", `${host} has no ${path}`);
      tar?.on("error", () => {});
      stream.opened();
      stream.stat(stat!);
      if (tar) await send(tar, stream);
      stream.end();
    } catch (error) {
      stream.signal.throwIfAborted();
      throw failureOf(host, error);
    }
  };
}

/** An input that ends with the stream's signal is not whole. */
async function* inputOf(stream: Stream): AsyncGenerator<Buffer> {
  yield* stream.input;
  stream.signal.throwIfAborted();
}

async function send(tar: Readable, stream: Stream): Promise<void> {
  const leave = () => tar.destroy();
  stream.signal.addEventListener("abort", leave);
  let tail = Buffer.alloc(0);
  try {
    stream.signal.throwIfAborted();
    for await (const bytes of tar as AsyncIterable<Buffer>) {
      await stream.write(CHANNEL.output, bytes);
      tail = Buffer.concat([tail, bytes.subarray(-END_BYTES)]).subarray(-END_BYTES);
    }
  } finally {
    stream.signal.removeEventListener("abort", leave);
    leave();
  }
  // An engine that cannot read on ends its answer as if all was there.
  if (tail.length < END_BYTES || tail.some((byte) => byte !== 0))
    throw new StreamFailure("failed", "the engine broke off in the middle of the files");
}

/** The user that the container's command runs as. */
async function ownerOf(docker: DockerPort, id: string, user: string): Promise<Owner> {
  const files = containerFiles(
    (path) => docker.getArchive(id, path),
    (path) => docker.headArchive(id, path),
  );
  const [passwd, group] = await Promise.all([files.read("/etc/passwd"), files.read("/etc/group")]);
  const { uid, gid } = runsAs(user, parsePasswd(passwd), parseGroup(group));
  return { uid, gid };
}

const FULL = /no space left on device|disk quota exceeded|file too large/i;

/** The engine's words (Engine API, `PutContainerArchive`) as an end of the stream. */
function failureOf(host: string, error: unknown): unknown {
  if (error instanceof BadArchive)
    return new StreamFailure("bad_files", `this is no tar archive that can be unpacked: ${error.message}`);
  if (!(error instanceof DockerError)) return error;
  const { status, message } = error;
  if (FULL.test(message)) return new StreamFailure("no_space", `${host}: ${message}`);
  if (status === 409 || /no such container/i.test(message)) return notRunning(host);
  if (status === 404) return new StreamFailure("no_such_path", `${host}: ${message}`);
  if (status === 400 || status === 403) return new StreamFailure("bad_files", `${host}: ${message}`);
  return error;
}
