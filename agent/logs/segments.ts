/** Segments: the files of which a container's stored output consists. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

export interface Segment {
  path: string;
  /** Time of its first record, ns since 1970. */
  first: bigint;
  /** Bytes that may be read. */
  size: number;
}

/** `main1.01764193463502111593`: names sort by time. */
export function segmentName(host: string, first: bigint): string {
  return `${host}.${String(first).padStart(20, "0")}`;
}

/** Host and time in a segment's name; undefined for another file. */
export function readSegmentName(name: string): { host: string; first: bigint } | undefined {
  const [, host, first] = /^([a-z][a-z0-9-]*)\.(\d{20})$/.exec(name) ?? [];
  return host === undefined || first === undefined ? undefined : { host, first: BigInt(first) };
}

/** The segments in a session's folder, by host, each in order of time. */
export async function readSegments(dir: string): Promise<Map<string, Segment[]>> {
  const names = (await readdir(dir).catch((): string[] => [])).sort();
  const found = new Map<string, Segment[]>();
  for (const name of names) {
    const read = readSegmentName(name);
    if (!read) continue;
    const path = join(dir, name);
    const size = (await stat(path).catch(() => undefined))?.size;
    if (size === undefined) continue;
    const ofHost = found.get(read.host) ?? [];
    ofHost.push({ path, first: read.first, size });
    found.set(read.host, ofHost);
  }
  return found;
}
