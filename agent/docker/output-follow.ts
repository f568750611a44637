/**
 * Follows a container's output by the engine's API, for engines whose files the agent cannot read. Docker 20.10 is careless when it rotates
 * files under a follower that lags: it skips to the newest file, or sends one again. Both show in the times of the entries. Then we ask
 * again from an earlier time, and leave out what we had: what is there already, the engine reads in order.
 */
import type { Readable } from "node:stream";
import { type OutputBatch, type OutputEntry, type OutputOptions, OutputPlace } from "./output.ts";
import { type DockerFrame, framesOf } from "./stream-frames.ts";

const SECOND = 1_000_000_000n;
/** Asked for again: the clock may have been set back by so much. */
const MARGIN = 10n * SECOND;
/** An entry that came so late shows that we lag. A jump of this length after it may be a file that the engine skipped. */
const LAG = SECOND;
const JUMP = SECOND / 10n;
/** We ask again at most so often, since the engine then reads all its files. */
const AGAIN = 10n * SECOND;

/** `open` asks the engine for what was written since a time in ns, and for what follows. Ends with the engine's answer. */
export async function* followOutput(
  open: (since: bigint) => Promise<Readable>,
  { after, signal }: Omit<OutputOptions, "ended">,
): AsyncGenerator<OutputBatch> {
  const place = after?.clone() ?? new OutputPlace();
  let searching = after !== undefined;
  let since = place.earliest;
  let missed = false;
  /** Where the search is. */
  let seen = new OutputPlace();
  /** The entry right after the one that was searched for comes next, whatever its time. */
  let trusted = false;
  for (let again = true; again && !signal.aborted; ) {
    again = false;
    const [source, openedAt] = [await open(since > MARGIN ? since - MARGIN : 0n), now()];
    const abort = () => source.destroy(signal.reason as Error);
    signal.addEventListener("abort", abort);
    let lag = 0n;
    const isOdd = (entry: OutputEntry) => {
      if (trusted || place.newest <= openedAt) return false;
      if (isBack(entry, place)) return true;
      const mayMiss = lag > LAG && entry.time - place.newest > JUMP;
      if (mayMiss && now() - openedAt < AGAIN) missed = true;
      return mayMiss && !missed;
    };
    try {
      for await (const frames of framesOf(source)) {
        const entries: OutputEntry[] = [];
        for (const frame of frames) {
          const entry = entryOf(frame, searching ? seen : place);
          if (searching) {
            seen.note(entry);
            [searching, trusted] = [!place.isAt(entry), place.isAt(entry)];
            if (!searching || entry.time <= place.newest) continue;
            // It is newer than all that we had, and the last that we had did not come: the engine does not have it any longer.
            [searching, missed] = [false, true];
          } else if (isOdd(entry)) {
            since = entry.time < place.earliest ? entry.time : place.earliest;
            [again, searching, seen] = [true, true, new OutputPlace()];
            break;
          }
          trusted = false;
          place.note(entry);
          entries.push(entry);
        }
        if (entries.length > 0) {
          yield { entries, missed, fresh: false };
          missed = false;
        }
        if (again) break;
        lag = now() - place.newest;
      }
    } finally {
      signal.removeEventListener("abort", abort);
      source.destroy();
    }
  }
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** The engine sends it a second time, or the clock was set back. */
function isBack({ stream, time, ordinal }: OutputEntry, place: OutputPlace): boolean {
  const before = place.timeOf(stream);
  return ordinal === 1 && before !== undefined && time < before;
}

let [second, base] = ["", 0n];

/** `2026-11-26T12:00:00.123456789Z the line`, and a newline if the line is complete. */
function entryOf({ stream, payload }: DockerFrame, place: OutputPlace): OutputEntry {
  const text = payload.toString("latin1", 0, 19);
  if (text !== second) [second, base] = [text, BigInt(Date.parse(`${text}Z`)) * 1_000_000n];
  const space = payload.indexOf(32);
  const time = base + BigInt(payload.toString("latin1", 20, space - 1));
  const partial = payload.at(-1) !== 10;
  const bytes = payload.subarray(space + 1, partial ? payload.length : payload.length - 1);
  return { stream, time, ordinal: place.ordinalOf(stream, time), partial, bytes };
}
