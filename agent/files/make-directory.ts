/** Makes a directory in a container, and those above it that are missing, as `mkdir -p` does. */
import { posix } from "node:path";
import type { DockerPort } from "../docker/port.ts";
import { packEntries } from "../ssh/archive.ts";
import { StreamFailure } from "../streams/stream.ts";
import type { Owner } from "./owned-archive.ts";
import { statOf } from "./path-stat.ts";

const MODE = 0o755;

/** `path` is absolute. What is there keeps its owner and mode. @throws StreamFailure if a file is in the way; DockerError */
export async function makeDirectory(
  docker: Pick<DockerPort, "headArchive" | "putArchive">,
  container: string,
  path: string,
  owner: Owner,
): Promise<void> {
  const parts = posix.normalize(path).split("/").filter(Boolean);
  const above = (count: number) => `/${parts.slice(0, count).join("/")}`;
  let there = 0;
  for (; there < parts.length; there++) {
    const stat = await statOf(docker, container, above(there + 1));
    if (!stat) break;
    if (!stat.isDirectory) throw new StreamFailure("bad_files", `${above(there + 1)} is no directory`);
  }
  const entries = parts.slice(there).map((_, at) => ({
    path: `/${parts.slice(there, there + at + 1).join("/")}`,
    type: "directory" as const,
    mode: MODE,
    ...owner,
  }));
  await docker.putArchive(container, above(there), await packEntries(entries));
}
