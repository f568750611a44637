/** After a restart of the agent: where the stored output of a container ends. What a killed agent wrote halfway is cut off. */
import { type FileHandle, open, readFile, rm } from "node:fs/promises";
import type { Segment } from "./segments.ts";
import { type Decoded, decodeHead, decodeStored, outputBytes, type SegmentHead } from "./stored-records.ts";

export interface Recovered extends SegmentHead {
  /** Time of the last record. */
  time: bigint;
  /** The last segment, to write on. */
  file: FileHandle;
}

/** Reads the last segment; corrects `segments` where the disk says otherwise. Undefined: nothing is stored. */
export async function recover(segments: Segment[]): Promise<Recovered | undefined> {
  for (let last = segments.at(-1); last; last = segments.at(-1)) {
    const bytes = await readFile(last.path).catch(() => Buffer.alloc(0));
    const found = decodeHead(bytes);
    const records = found ? decodeStored(bytes, found.end) : [];
    if (found && records.length > 0) {
      const file = await open(last.path, "r+");
      last.size = records.at(-1)!.end;
      await file.truncate(last.size);
      return { ...found.head, ...replay(found.head, records), file };
    }
    await rm(last.path, { force: true });
    segments.pop();
  }
  return undefined;
}

/** The state after these records. */
function replay({ place, written }: SegmentHead, records: readonly Decoded[]) {
  let sum = written;
  for (const record of records) {
    const { stream, engineTime, partial } = record;
    sum += outputBytes(record);
    if (stream === "notice" || engineTime === undefined) continue;
    place.note({ stream, time: engineTime, partial, ordinal: place.ordinalOf(stream, engineTime) });
  }
  return { place, written: sum, time: records.at(-1)!.time };
}
