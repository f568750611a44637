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

/** How often it is looked for that the container is to be removed. */
const WATCH_MS = 1_000;

export function serveFiles(docker: DockerPort, find: Find): Serve<OpenFiles> {
  return async function serveOneArchive(stream, open) {
    const { host } = open;
    const { containerId } = enterFiles(find, host);
    const leaving = Promise.withResolvers<never>();
    const gone = new AbortController();
    // The engine neither stops nor removes a container while it reads or writes its files (moby/moby `daemon/archive_unix.go`).
    const watching = setInterval(() => {
      if (find(host)?.leaving === false) return;
      gone.abort();
      leaving.reject(new StreamFailure("not_running", `${host} is being removed`));
    }, WATCH_MS);
    const signal = AbortSignal.any([stream.signal, gone.signal]);
    try {
      await Promise.race([serve(docker, containerId, stream, open, signal), leaving.promise]);
    } catch (error) {
      stream.signal.throwIfAborted();
      throw failureOf(host, error);
    } finally {
      clearInterval(watching);
    }
  };
}

async function serve(
  docker: DockerPort,
  id: string,
  stream: Stream,
  { host, direction, path: asked, parents }: OpenFiles,
  signal: AbortSignal,
): Promise<void> {
  const { user, workdir } = await docker.configOf(id);
  const path = asked.startsWith("/") ? asked : posix.join(workdir, asked);
  const stat = await statOf(docker, id, path);
  if (!stat && !(parents && direction === "put"))
    throw new StreamFailure("no_such_path", `${host} has no ${path}`);
  if (direction === "put") {
    if (stat && !stat.isDirectory) throw new StreamFailure("bad_files", `${path} in ${host} is no directory`);
    const owner = await ownerOf(docker, id, user);
    if (!stat) await makeDirectory(docker, id, path, owner);
    stream.opened();
    return await docker.unpack(id, path, ownedBy(inputOf(stream), owner), signal);
  }
  const tar = direction === "get" ? await docker.getArchive(id, path) : undefined;
  if (direction === "get" && !tar) throw new StreamFailure("no_such_path", `${host} has no ${path}`);
  tar?.on("error", () => {});
  stream.opened();
  stream.stat(stat!);
  if (tar) await send(tar, stream, signal);
  stream.end();
}

/** An input that ends with the stream's signal is not whole. */
async function* inputOf(stream: Stream): AsyncGenerator<Buffer> {
  yield* stream.input;
  stream.signal.throwIfAborted();
}

async function send(tar: Readable, stream: Stream, signal: AbortSignal): Promise<void> {
  const leave = () => tar.destroy();
  signal.addEventListener("abort", leave);
  let tail = Buffer.alloc(0);
  try {
    signal.throwIfAborted();
    for await (const bytes of tar as AsyncIterable<Buffer>) {
      await stream.write(CHANNEL.output, bytes);
      tail = Buffer.concat([tail, bytes.subarray(-END_BYTES)]).subarray(-END_BYTES);
    }
  } finally {
    signal.removeEventListener("abort", leave);
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
