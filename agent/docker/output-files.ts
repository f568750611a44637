/**
 * Reads a container's output from the files of the engine's `local` logging driver, as log shippers do. The engine's own API is no match:
 * Docker 20.10 sends 13 MB/s where a container writes 60, and a follower that lags by a file silently loses it, or gets it twice.
 *
 * The engine writes `container.log`. It renames a full file to `container.log.1`, and what was `.1` to `.2`, and so on.
 */
import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { FolderNews } from "./folder-news.ts";
import { LocalDecoder, type LocalEntry } from "./local-entries.ts";
import { type OutputBatch, type OutputEntry, type OutputOptions, OutputPlace } from "./output.ts";

/**
 * How many files the engine keeps of a container, and their size. While the agent is away, or is slower than the container, the engine
 * keeps at least 96 MiB for it.
 */
const MOST_FILES = 4;
const FILE_SIZE = "32m";

/** `LogConfig` of a container whose output is followed. Only this driver keeps bytes that are not UTF-8. */
export function logConfig(): { Type: string; Config: Record<string, string> } {
  const Config = { "max-size": FILE_SIZE, "max-file": String(MOST_FILES), compress: "false" };
  return { Type: "local", Config };
}

/** The folder of a container's files. `root`: the engine's, as its info says. */
export function filesOf(root: string, containerId: string): string {
  return join(root, "containers", containerId, "local-logs");
}

const CURRENT = "container.log";
const CHUNK_BYTES = 16 * 1024;
const BUSY_CHUNK_BYTES = 256 * 1024;

interface OpenFile {
  handle: FileHandle;
  inode: number;
}

/** Reads until `ended`, and then what is left. @throws UnknownFormat */
export async function* readFiles(
  dir: string,
  { after, ended, signal }: OutputOptions,
): AsyncGenerator<OutputBatch> {
  const place = after?.clone() ?? new OutputPlace();
  const start = await begin(dir, after);
  if (!start) return;
  let { file, offset, missed } = start;
  let [decoder, fresh] = [new LocalDecoder(), false];
  const news = new FolderNews(dir, AbortSignal.any([ended, signal]));
  let chunk = CHUNK_BYTES;
  try {
    while (!signal.aborted) {
      // Both before the read: what was written until then is read now, and what comes later is news.
      const isOver = ended.aborted;
      const mayBeRenamed = news.look();
      const { bytes, isMore } = await readAt(file.handle, offset, chunk);
      chunk = isMore ? BUSY_CHUNK_BYTES : CHUNK_BYTES;
      offset += bytes.length;
      const entries = decoder.take(bytes).map((entry) => placed(entry, place));
      if (entries.length > 0) {
        yield { entries, missed, fresh };
        missed = false;
      }
      if (isMore) continue;
      const next = isOver || mayBeRenamed ? await successor(dir, file.inode) : undefined;
      if (next) {
        // The engine may have written to the old file between our read and the renaming.
        const isRead = (await file.handle.stat()).size <= offset;
        const done = isRead ? file : next.file;
        await done.handle.close();
        if (!isRead) continue;
        file = next.file;
        missed ||= next.missed;
        [offset, decoder] = [0, new LocalDecoder()];
        // There may be another one after it already.
        news.recheck();
      } else if (isOver) return;
      else {
        fresh = true;
        await news.wait(bytes.length);
      }
    }
  } finally {
    news.close();
    await file.handle.close();
  }
}

/** `isMore`: the end was not reached. Memory is taken for what is there only: most containers are silent most of the time. */
async function readAt(
  handle: FileHandle,
  offset: number,
  size: number,
): Promise<{ bytes: Buffer; isMore: boolean }> {
  const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(size), 0, size, offset);
  return { bytes: buffer.subarray(0, bytesRead), isMore: bytesRead === size };
}

function placed(entry: LocalEntry, place: OutputPlace): OutputEntry {
  entry.ordinal = Math.max(entry.ordinal, place.ordinalOf(entry.stream, entry.time));
  place.note(entry);
  return entry;
}

/**
 * All files, newest first. In this direction a renaming meanwhile shows a file twice, and hides none: they are renamed one after the other,
 * so that a number may be missing for a moment.
 */
async function openAll(dir: string): Promise<OpenFile[]> {
  const files: OpenFile[] = [];
  for (let number = 0; number < MOST_FILES; number++) {
    const handle = await openIfThere(join(dir, number === 0 ? CURRENT : `${CURRENT}.${number}`));
    if (!handle) continue;
    const inode = (await handle.stat()).ino;
    if (files.some((file) => file.inode === inode)) await handle.close();
    else files.push({ handle, inode });
  }
  return files;
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

interface Found {
  file: OpenFile;
  offset: number;
  missed: boolean;
}

/** One of the opened files; the others are closed. */
async function found(files: readonly OpenFile[], at: number, rest: Omit<Found, "file">): Promise<Found> {
  await closeAll(files.filter((_, index) => index !== at));
  return { file: files[at]!, ...rest };
}

async function closeAll(files: readonly OpenFile[]): Promise<void> {
  await Promise.all(files.map(({ handle }) => handle.close()));
}

/** The file after this one; undefined if it is the current one. Where it is gone: the oldest that is left. */
async function successor(dir: string, inode: number): Promise<Found | undefined> {
  const current = await stat(join(dir, CURRENT)).catch(() => undefined);
  if (!current || current.ino === inode) return undefined;
  const files = await openAll(dir);
  const at = files.findIndex((file) => file.inode === inode);
  if (at > 0) return await found(files, at - 1, { offset: 0, missed: false });
  if (at < 0 && files.length > 0) return await found(files, files.length - 1, { offset: 0, missed: true });
  await closeAll(files);
  return undefined;
}

/** Where to begin: after this place, or at the oldest file. `missed`: where the place is gone, or where there may have been older files. */
async function begin(dir: string, after: OutputPlace | undefined): Promise<Found | undefined> {
  const files = await openAll(dir);
  if (files.length === 0) return undefined;
  try {
    for (const [at, { handle }] of after ? files.entries() : []) {
      const offset = await offsetAfter(handle, after!);
      if (offset !== undefined) return await found(files, at, { offset, missed: false });
    }
  } catch (error) {
    await closeAll(files);
    throw error;
  }
  const missed = after !== undefined || files.length >= MOST_FILES;
  return await found(files, files.length - 1, { offset: 0, missed });
}

async function offsetAfter(handle: FileHandle, after: OutputPlace): Promise<number | undefined> {
  const [decoder, seen, buffer] = [
    new LocalDecoder(),
    new OutputPlace(),
    Buffer.allocUnsafe(BUSY_CHUNK_BYTES),
  ];
  for (let [offset, start] = [0, 0]; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, BUSY_CHUNK_BYTES, offset);
    if (bytesRead === 0) return undefined;
    offset += bytesRead;
    for (const entry of decoder.take(buffer.subarray(0, bytesRead))) {
      start += entry.size;
      if (after.isAt(placed(entry, seen))) return start;
    }
  }
}
