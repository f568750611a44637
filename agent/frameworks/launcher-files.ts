/** Makes the files that launchers read, from the session's assignment. */
import { chmod, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FILES, type FilePath, isFilePath } from "../../shared/frameworks/host-files.ts";
import type { Assignment, ContainerSpec } from "../../shared/protocol/assignment.ts";
import { INSIDE } from "../kit/layout.ts";
import type { HeadArchive } from "../ssh/archive.ts";
import type { Entry } from "../ssh/place.ts";
import type { ContainerFiles } from "../ssh/survey.ts";

/** A file outside the container's own folder, which the image leaves room for. */
export interface Vacant {
  path: FilePath;
  /** Its folder is missing, too. */
  folder: boolean;
}

/** Writes those that lie in the container's own folder. May be repeated. There is no secret in them, so every user may read them. */
export async function writeLauncherFiles(
  selfDir: string,
  { listed }: Assignment,
  { files }: ContainerSpec,
): Promise<void> {
  const here = files.filter(isFilePath).filter((path) => dirname(path) === INSIDE.self);
  await Promise.all(here.map((path) => write(join(selfDir, basename(path)), FILES[path](listed))));
}

/** Those that a tool looks for elsewhere. Where something is mounted, nothing is written: that would change the node's own files. */
export function outsideFiles({ files, mounts = [] }: ContainerSpec): FilePath[] {
  return files
    .filter(isFilePath)
    .filter((path) => dirname(path) !== INSIDE.self)
    .filter((path) => !mounts.some(({ target }) => path === target || path.startsWith(`${target}/`)));
}

/**
 * Undefined if the image has such a file of its own, or something else in place of its folder. A link counts as such, wherever it leads: what
 * is there is not known before the container runs. `head` is of Docker's archive API.
 */
export async function vacancyOf(
  files: ContainerFiles,
  head: HeadArchive,
  path: FilePath,
): Promise<Vacant | undefined> {
  const folder = dirname(path);
  const found = await head(folder);
  if (!found) return { path, folder: true };
  if (found.linkTarget !== "" || (await files.stat(folder))?.type !== "directory") return undefined;
  return (await head(path)) ? undefined : { path, folder: false };
}

/** For the archive that is unpacked in the container before it starts. */
export function placeLauncherFiles(vacant: readonly Vacant[], { listed }: Assignment): Entry[] {
  const root = { uid: 0, gid: 0 };
  return vacant.flatMap(({ path, folder }): Entry[] => [
    ...(folder ? [{ path: dirname(path), type: "directory" as const, mode: 0o755, ...root }] : []),
    { path, type: "file", mode: 0o644, ...root, content: FILES[path](listed) },
  ]);
}

/** Nobody reads it before the container starts, so it need not be there as a whole at once. */
async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  // Whatever the umask.
  await chmod(path, 0o644);
}
