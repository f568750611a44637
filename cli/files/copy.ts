/** Copies between this machine and containers, by the rules of `docker cp`. */
import { lstat, stat } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import type { FileStat, Skein } from "../../sdk/index.ts";
import { CliError } from "../cli-error.ts";
import { type Copy, written } from "./copy-paths.ts";
import { pack } from "./pack-local.ts";
import { type Unpacked, unpack } from "./unpack.ts";

type Progress = (bytes: number) => void;

/** @throws CliError, ApiProblem; what `fetch` throws */
export async function copyIn(
  skein: Skein,
  { local, remote }: Copy,
  follow: boolean,
  progress: Progress,
): Promise<void> {
  const source = written(local);
  const found = await (follow || source.mustBeDirectory ? stat : lstat)(source.path).catch(noSuchFile(local));
  const isDirectory = found.isDirectory();
  if (source.mustBeDirectory && !isDirectory) throw new CliError(`${local} is no directory`);
  const target = written(remote.path);
  // The rules look at one container. All of a session mostly have the same directories, and each of them refuses what does not fit.
  const { session } = remote;
  const one = remote.host === "*" ? await firstHost(skein, session) : remote.host;
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
  let bytes = 0;
  async function* counted() {
    for await (const piece of pack(source.path, isDirectory, as, follow)) {
      bytes += piece.length;
      progress(bytes);
      yield piece;
    }
  }
  let failure: unknown;
  // `fetch` hides why its body failed.
  async function* noted() {
    try {
      yield* counted();
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  try {
    await skein.files.put({ session, host: remote.host }, where, ReadableStream.from(noted()));
  } catch (error) {
    if (failure) throw new CliError((failure as Error).message);
    await sayWhy(skein, { session, host: one }, where, error);
  }
}

export async function copyOut(
  skein: Skein,
  { local, remote: { session, host, path } }: Copy,
  follow: boolean,
  progress: Progress,
): Promise<Unpacked> {
  const container = { session, host };
  const source = written(path);
  let there = await skein.files.stat(container, source.path);
  if (!there) throw new CliError(`${host} has no ${source.path}`);
  if (source.mustBeDirectory && !there.isDirectory)
    throw new CliError(`${source.path} in ${host} is no directory`);
  let asked = source.path;
  if (there.type === "symlink" && (follow || source.mustBeDirectory)) {
    asked = there.linkTarget;
    there = await skein.files.stat(container, asked);
    if (!there) throw new CliError(`${source.path} in ${host} is a link to nowhere`);
  }
  const target = await targetOf(local, there, source, posix.basename(source.path));
  const { tar } = await skein.files.get(container, asked);
  const directory = there.type === "directory" ? { mode: there.mode } : undefined;
  try {
    return await unpack(tar, target, directory, progress);
  } catch (error) {
    return await sayWhy(skein, container, asked, error);
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

async function firstHost(skein: Skein, session: string): Promise<string> {
  const { containers } = await skein.getSession({ path: { id: session } });
  return containers[0]?.host ?? "main1";
}

/** A connection that breaks says nothing. The API may know why: it is asked again. @throws always */
async function sayWhy(
  skein: Skein,
  container: { session: string; host: string },
  path: string,
  error: unknown,
): Promise<never> {
  const isBroken = error instanceof TypeError || (error as NodeJS.ErrnoException).code === "ECONNRESET";
  if (!isBroken) throw error;
  if (!(await skein.files.stat(container, path))) throw new CliError(`${container.host} has no ${path}`);
  const why = ((error as Error).cause as Error | undefined)?.message ?? (error as Error).message;
  throw new CliError(
    `the copy broke off in the middle (${why})`,
    "the files that were copied are not whole: copy again",
  );
}
