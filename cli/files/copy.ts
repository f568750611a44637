/** Copies between this machine and containers, by the rules of `docker cp`. */
import { lstat, stat } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import type { Container, FileStat, Skein } from "../../sdk/index.ts";
import { isTerminal, pass } from "../attach.ts";
import { CliError } from "../cli-error.ts";
import { type Copy, type Remote, written } from "./copy-paths.ts";
import { pack } from "./pack-local.ts";
import { type Unpacked, unpack } from "./unpack.ts";
import { type WatchedWay, watchWay } from "./watch-way.ts";

type Progress = (bytes: number) => void;

/** In the place of a path on this machine: a tar archive on stdin or stdout. */
export const STREAM = "-";

/** The container does not have what was to be copied. */
export class NoSuchPath extends CliError {}

/** Resolves to the bytes of the archive. @throws CliError, ApiProblem; what `fetch` throws */
export async function copyIn(
  skein: Skein,
  { local, remote }: Copy,
  follow: boolean,
  progress: Progress,
): Promise<number> {
  if (local === STREAM) return await copyStreamIn(skein, remote, progress);
  const source = written(local);
  const found = await (follow || source.mustBeDirectory ? stat : lstat)(source.path).catch(noSuchFile(local));
  const isDirectory = found.isDirectory();
  if (source.mustBeDirectory && !isDirectory) throw new CliError(`${local} is no directory`);
  const target = written(remote.path);
  // The rules look at one container. All of a session mostly have the same directories, and each of them refuses what does not fit.
  const { session } = remote;
  const one = await oneHost(skein, remote);
  const there = await skein.files.stat({ session, host: one }, target.path);
  const name = basename(source.path);
  let where = target.path;
  let as: string | undefined = source.contents ? undefined : name;
  if (!there?.isDirectory) {
    if (there && (isDirectory || target.mustBeDirectory))
      throw new CliError(`${target.path} in ${one} is no directory`);
    if (target.mustBeDirectory && !isDirectory) throw new CliError(`${one} has no directory ${target.path}`);
    [where, as] = [posix.dirname(target.path), posix.basename(target.path)];
  }
  return await send(skein, { ...remote, path: where }, pack(source.path, isDirectory, as, follow), progress);
}

/** What is in a directory of this machine, into a directory that is made if it is missing. @throws CliError, ApiProblem */
export async function copyContents(
  skein: Skein,
  dir: string,
  remote: Remote,
  progress: Progress,
): Promise<void> {
  await send(skein, remote, pack(dir, true, undefined, false), progress, { parents: true });
}

async function copyStreamIn(skein: Skein, remote: Remote, progress: Progress): Promise<number> {
  if (isTerminal("stdin")) throw new CliError("a tar archive must come on stdin, and stdin is a terminal");
  return await send(skein, remote, process.stdin as AsyncIterable<Uint8Array>, progress);
}

/** Resolves to the size of the archive. @throws CliError, ApiProblem; what `fetch` throws */
async function send(
  skein: Skein,
  { session, host, path }: Remote,
  archive: AsyncIterable<Uint8Array>,
  progress: Progress,
  options: { parents?: boolean } = {},
): Promise<number> {
  const way = watchWay(skein);
  let bytes = 0;
  let failure: unknown;
  // `fetch` hides why its body failed.
  async function* noted() {
    try {
      for await (const piece of archive) {
        way.moved();
        bytes += piece.length;
        progress(bytes);
        yield piece;
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  const { signal } = way;
  try {
    await skein.files.put({ session, host }, path, ReadableStream.from(noted()), { ...options, signal });
    return bytes;
  } catch (error) {
    signal.throwIfAborted();
    if (failure) throw new CliError((failure as Error).message);
    return await sayWhy(skein, { session, host: await oneHost(skein, { session, host }) }, path, way, error);
  } finally {
    way.close();
  }
}

/** A tar archive of a path, on stdout. @throws CliError, ApiProblem; what `fetch` throws */
export async function copyStreamOut(
  skein: Skein,
  { session, host, path }: Remote,
  follow: boolean,
  progress: Progress,
): Promise<void> {
  if (isTerminal("stdout"))
    throw new CliError("stdout is a terminal: send the tar archive to a file or a program");
  const { asked } = await sourceOf(skein, { session, host, path }, follow);
  await receive(skein, { session, host }, asked, progress, async (tar) => {
    for await (const bytes of tar) await pass({ from: "stdout", bytes });
  });
}

export async function copyOut(
  skein: Skein,
  { local, remote }: Copy,
  follow: boolean,
  progress: Progress,
): Promise<Unpacked> {
  const { session, host, path } = remote;
  const source = written(path);
  const { asked, there } = await sourceOf(skein, remote, follow);
  const target = await targetOf(local, there, source, posix.basename(source.path));
  const directory = there.type === "directory" ? { mode: there.mode } : undefined;
  return await receive(skein, { session, host }, asked, progress, (tar) => unpack(tar, target, directory));
}

/** What is to be copied: of a link what it leads to, where that is wanted. @throws CliError, ApiProblem */
async function sourceOf(
  skein: Skein,
  { session, host, path }: Remote,
  follow: boolean,
): Promise<{ asked: string; there: FileStat }> {
  const container = { session, host };
  const source = written(path);
  const there = await skein.files.stat(container, source.path);
  if (!there) throw new NoSuchPath(`${host} has no ${source.path}`);
  if (source.mustBeDirectory && !there.isDirectory)
    throw new CliError(`${source.path} in ${host} is no directory`);
  if (there.type !== "symlink" || !(follow || source.mustBeDirectory)) return { asked: source.path, there };
  const led = await skein.files.stat(container, there.linkTarget);
  if (!led) throw new NoSuchPath(`${source.path} in ${host} is a link to nowhere`);
  return { asked: there.linkTarget, there: led };
}

async function receive<T>(
  skein: Skein,
  container: Container & { host: string },
  path: string,
  progress: Progress,
  take: (tar: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const way = watchWay(skein);
  const { signal } = way;
  let bytes = 0;
  try {
    const { tar } = await skein.files.get(container, path, { signal });
    async function* counted() {
      for await (const piece of tar) {
        way.moved();
        bytes += piece.length;
        progress(bytes);
        yield piece;
      }
    }
    return await take(counted());
  } catch (error) {
    signal.throwIfAborted();
    return await sayWhy(skein, container, path, way, error);
  } finally {
    way.close();
  }
}

async function targetOf(
  local: string,
  there: FileStat,
  { contents }: { contents: boolean },
  name: string,
): Promise<string> {
  const target = written(local);
  const here = await stat(target.path).catch(() => undefined);
  if (here?.isDirectory()) return contents || name === "" ? target.path : join(target.path, name);
  if (here && (there.type === "directory" || target.mustBeDirectory))
    throw new CliError(`${local} is no directory`);
  if (target.mustBeDirectory && there.type !== "directory")
    throw new CliError(`there is no directory ${local}`);
  const parent = join(target.path, "..");
  await stat(parent).catch(noSuchFile(parent));
  return target.path;
}

function noSuchFile(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    throw new CliError(error.code === "ENOENT" ? `there is no ${path}` : error.message);
  };
}

/** The host itself, or of all the first one. */
async function oneHost(skein: Skein, { session, host }: Pick<Remote, "session" | "host">): Promise<string> {
  if (host !== "*") return host;
  const { containers } = await skein.getSession({ path: { id: session } });
  return containers[0]?.host ?? "main1";
}

/** No longer, since a lost node is known after up to 27 s, and is to be said within 30 s. */
const WHY_MS = 1_500;

/** A connection that breaks says nothing. The API may know why: it is asked again. @throws always */
async function sayWhy(
  skein: Skein,
  container: Container & { host: string },
  path: string,
  way: Pick<WatchedWay, "stoodStill">,
  error: unknown,
): Promise<never> {
  const isBroken = error instanceof TypeError || (error as NodeJS.ErrnoException).code === "ECONNRESET";
  if (!isBroken) throw error;
  const why = ((error as Error).cause as Error | undefined)?.message ?? (error as Error).message;
  const nodeLost = new CliError(
    `the copy broke off in the middle (${why}): the node of ${container.host} does not answer, or is lost`,
    "skein node ls shows the nodes; copy again once it is back",
  );
  const patience = AbortSignal.timeout(WHY_MS);
  if (way.stoodStill()) {
    // Its node was silent for so long that the API gave it up: the node would not answer now. Or the API itself is gone, and this throws.
    await skein.getHealth({ signal: patience });
    throw nodeLost;
  }
  const there = await skein.files.stat(container, path, { signal: patience }).catch((refused: unknown) => {
    throw patience.aborted ? nodeLost : refused;
  });
  if (!there) throw new CliError(`${container.host} has no ${path}`);
  throw new CliError(
    `the copy broke off in the middle (${why})`,
    "the files that were copied are not whole: copy again",
  );
}
