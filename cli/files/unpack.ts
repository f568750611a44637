/**
 * Unpacks a container's archive on this machine. The archive may be hostile, since anybody in the container can shape it. node-tar writes
 * nothing outside the destination, follows no link and makes no device. This file also leaves out links that lead out of the destination.
 */
import { chmod, mkdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type ReadEntry, Unpack } from "tar";
import { leadsOut } from "./copy-paths.ts";

/** Bits that a program from a container does not get here: set-user-ID, set-group-ID, sticky. */
const MODE = 0o777;
const OWNER_MAY = 0o700;

export interface LeftOut {
  path: string;
  why: string;
}

export interface Unpacked {
  bytes: number;
  leftOut: LeftOut[];
}

/** Of a million only so many are kept. */
const MOST_LEFT_OUT = 1000;

/**
 * `directory`: the archive's only directory becomes `target`, or its content goes into it. Else its only file becomes `target`.
 * @throws Error for an archive that is damaged, or ends early
 */
export async function unpack(
  archive: AsyncIterable<Uint8Array>,
  target: string,
  directory: { mode: number } | undefined,
): Promise<Unpacked> {
  const leftOut: LeftOut[] = [];
  const leave = (path: string, why: string) => {
    if (leftOut.length < MOST_LEFT_OUT) leftOut.push({ path, why });
    return false;
  };
  if (directory) await mkdir(target, { recursive: true });
  let root: string | undefined;
  let damage: Error | undefined;
  const unpacker = new Unpack({
    cwd: directory ? target : dirname(target),
    preserveOwner: false,
    // Modes as they are in the container, whatever this shell's umask is.
    chmod: true,
    processUmask: 0,
    ...(directory ? { strip: 1 } : {}),
    filter: (path, found) => {
      const entry = found as ReadEntry;
      const parts = path.split("/").filter((part) => part !== "" && part !== ".");
      root ??= parts[0];
      if (parts[0] !== root || parts.includes("..") || path.startsWith("/"))
        return leave(path, "its name leads out of what was asked for");
      if (!directory && parts.length > 1) return leave(path, "it is not the file that was asked for");
      // The destination's own mode is set at the end, as it may have been there before.
      if (directory && parts.length === 1)
        return entry.type === "Directory" ? false : leave(path, "it is not below the directory");
      const link = String(entry.linkpath ?? "");
      const inside = directory ? parts.slice(1).join("/") : parts[0]!;
      if (entry.type === "SymbolicLink" && leadsOut(inside, link))
        return leave(path, `it is a link out of here, to ${link}`);
      if (entry.type === "Link" && link.split("/")[0] !== root)
        return leave(path, `it is a hard link out of here, to ${link}`);
      if (entry.mode !== undefined) entry.mode &= MODE;
      if (!directory) entry.path = basename(target);
      return true;
    },
    onwarn: (code, message, data) => {
      const about = (data as { entry?: { path?: string } }).entry?.path;
      const said: unknown = message;
      const error = said instanceof Error ? said : new Error(String(said));
      const { code: cause } = error as NodeJS.ErrnoException;
      if (code === "TAR_ENTRY_UNSUPPORTED") leave(about ?? "?", "it is a device, a pipe or a socket");
      else if (code === "TAR_ENTRY_INFO") return;
      else if (about !== undefined && cause !== "ENOSPC" && cause !== "EDQUOT" && cause !== "EIO")
        leave(about, error.message);
      else damage ??= error;
    },
  });
  let bytes = 0;
  async function* counted() {
    for await (const piece of archive) {
      bytes += piece.length;
      if (damage) throw damage;
      yield piece;
    }
  }
  await pipeline(
    Readable.from(counted(), { objectMode: false }),
    unpacker as unknown as NodeJS.WritableStream,
  );
  if (damage) throw damage;
  if (directory) await chmod(target, (directory.mode & MODE) | OWNER_MAY);
  return { bytes, leftOut };
}
