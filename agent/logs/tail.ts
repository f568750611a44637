/** Finds where the last lines of a container's stored output begin. */
import { readFile } from "node:fs/promises";
import type { Segment } from "./segments.ts";
import { decodeHead, decodeStored } from "./stored-records.ts";

export interface TailPlace {
  segment: Segment;
  /** Of the first record's beginning. */
  offset: number;
}

/** Undefined when there are no more lines than that: then all of it is wanted. O(bytes of those lines), in whole segments. */
export async function findTail(segments: readonly Segment[], lines: number): Promise<TailPlace | undefined> {
  let wanted: number | undefined;
  // A copy with sizes: the log is written to meanwhile.
  for (const { segment, size } of segments.map((each) => ({ segment: each, size: each.size })).reverse()) {
    const { ends, isOpen } = await linesOf(segment, size);
    // One more: the first of the wanted lines begins after it. A line that has not ended counts, too.
    wanted ??= lines + 1 - (isOpen && lines > 0 ? 1 : 0);
    if (ends.length >= wanted) return { segment, offset: ends[ends.length - wanted]! };
    wanted -= ends.length;
  }
  return undefined;
}

/** Where its lines end. `isOpen`: the last line does not. */
async function linesOf(segment: Segment, size: number): Promise<{ ends: number[]; isOpen: boolean }> {
  const bytes = (await readFile(segment.path).catch(() => Buffer.alloc(0))).subarray(0, size);
  const output = decodeStored(bytes, decodeHead(bytes)?.end).filter(({ stream }) => stream !== "notice");
  return {
    ends: output.filter(({ partial }) => !partial).map(({ end }) => end),
    isOpen: output.at(-1)?.partial ?? false,
  };
}
