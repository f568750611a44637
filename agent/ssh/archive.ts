/** A container's files through Docker's archive API, which reads and writes tar. */
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { extract, type Header, pack } from "tar-stream";
import type { PathStat } from "./account.ts";
import type { Entry } from "./place.ts";
import type { ContainerFiles } from "./survey.ts";

/** `GET /containers/{id}/archive?path=`: a tar stream, or `undefined` for 404. */
export type GetArchive = (path: string) => Promise<Readable | undefined>;

/** `HEAD` of the same: the target of a symlink inside the container, or "". `undefined` for 404. */
export type HeadArchive = (path: string) => Promise<{ linkTarget: string } | undefined>;

/** The most bytes that are read of a file. An image may have a file of any size at any path, and the agent reads it into memory. */
const MOST_BYTES = 1024 * 1024;

/** Packs entries into one tar for `PUT /containers/{id}/archive?path=/`, in the given order. A directory must come before its content. */
export async function packEntries(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  const chunks: Buffer[] = [];
  tar.on("data", (chunk) => chunks.push(chunk as Buffer));
  const done = new Promise<void>((resolve, reject) => {
    tar.on("end", resolve);
    tar.on("error", reject);
  });
  for (const { path, type, mode, uid, gid, content } of entries) {
    // The present time, since some tools take the default (1970) for a missing value.
    tar.entry({ name: path.slice(1), type, mode, uid, gid, mtime: new Date() }, content ?? "");
  }
  tar.finalize();
  await done;
  return Buffer.concat(chunks);
}

/** Reads through the archive API. Of a directory only its own header is read, not its content. */
export function containerFiles(getArchive: GetArchive, headArchive: HeadArchive): ContainerFiles {
  const first = async (path: string, hops = 8): Promise<{ header: Header; content: string } | undefined> => {
    const stream = await getArchive(path);
    const found = stream && (await firstEntry(stream));
    const target = found?.header.type === "symlink" ? found.header.linkname : undefined;
    if (!target || hops === 0) return found;
    return await first(posix.resolve(posix.dirname(path), target), hops - 1);
  };
  const exists = async (path: string, hops = 8): Promise<boolean> => {
    const found = await headArchive(path);
    if (!found?.linkTarget || hops === 0) return found !== undefined;
    return await exists(posix.resolve(posix.dirname(path), found.linkTarget), hops - 1);
  };
  return {
    exists: (path) => exists(path),
    stat: async (path) => {
      const found = await first(path);
      return found && statOf(found.header);
    },
    read: async (path) => (await first(path))?.content,
  };
}

function statOf({ type, mode = 0, uid = 0, gid = 0 }: Header): PathStat {
  const kind = type === "file" || type === "directory" || type === "symlink" ? type : "other";
  return { type: kind, mode: mode & 0o7777, uid, gid };
}

async function firstEntry(stream: Readable): Promise<{ header: Header; content: string } | undefined> {
  const tar = extract();
  stream.on("error", (error) => tar.destroy(error));
  stream.pipe(tar);
  try {
    for await (const entry of tar) {
      const { name, type, size = 0 } = entry.header;
      if (type === "file" && size > MOST_BYTES) {
        throw new Error(
          `the image's ${name} has ${size} bytes: SSH can be set up with at most ${MOST_BYTES}`,
        );
      }
      const chunks: Buffer[] = [];
      if (type === "file") for await (const chunk of entry) chunks.push(chunk as Buffer);
      return { header: entry.header, content: Buffer.concat(chunks).toString("utf8") };
    }
    return undefined;
  } finally {
    stream.destroy();
  }
}
