/** What a path in a container is. */
import type { FileStat } from "../../shared/streams/stream-messages.ts";
import type { ArchiveStat, DockerPort } from "../docker/port.ts";

/** Go's `io/fs.FileMode`: bits above the permissions. */
const GO = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  pipe: 2 ** 25,
  socket: 2 ** 24,
} as const;

/** Most links that are followed, as in Linux (path_resolution(7)). */
const MOST_LINKS = 40;

/** Undefined without such a path. @throws DockerError */
export async function statOf(
  docker: Pick<DockerPort, "headArchive">,
  container: string,
  path: string,
): Promise<FileStat | undefined> {
  const found = await docker.headArchive(container, path);
  if (!found) return undefined;
  let end: ArchiveStat | undefined = found;
  for (let hops = 0; end?.linkTarget && hops < MOST_LINKS; hops++)
    end = await docker.headArchive(container, end.linkTarget);
  return {
    name: found.name,
    type: typeOf(found.mode),
    isDirectory: end !== undefined && typeOf(end.mode) === "directory",
    size: found.size,
    mode: found.mode & 0o777,
    linkTarget: found.linkTarget,
  };
}

/** Go's modes have more bits than JavaScript's `&` knows. */
function typeOf(mode: number): FileStat["type"] {
  const has = (bit: number) => Math.floor(mode / bit) % 2 === 1;
  if (has(GO.directory)) return "directory";
  if (has(GO.symlink)) return "symlink";
  return has(GO.device) || has(GO.pipe) || has(GO.socket) ? "other" : "file";
}
