/** The placement strategy "spread". */
import { type Attempt, type Bin, binsOf, type Counts, take } from "./attempt.ts";
import { type Candidate, emptiestFirst } from "./candidate.ts";
import { firstOf } from "./first-of.ts";
import { type Group, unitsIn } from "./group.ts";
import { fits } from "./need.ts";

/**
 * Each container goes where this session has the fewest, so that counts differ by one where there is room; among
 * equals to the emptiest node. O(groups × candidates + containers × log candidates).
 */
export function spread(groups: Group[], candidates: readonly Candidate[]): Attempt {
  const bins = binsOf(shortlist(groups, candidates));
  const counts: Counts = new Map();
  const queue = [...bins];
  for (const group of groups) {
    let at = 0;
    for (const unit of group.units) {
      // Bins only shrink: what was too small for one unit of this group is too small for the rest of it.
      while (at < queue.length && !fits(group.need, queue[at]!.free)) at++;
      const bin = queue[at];
      if (!bin) return { counts, bins, unplaced: { group, unit } };
      take(counts, group, bin, 1);
      queue.splice(at, 1);
      queue.splice(placeInQueue(queue, bin, at), 0, bin);
    }
  }
  return { counts, bins };
}

/**
 * For n units in all, the n emptiest of those that each group fits on, in order. No other is ever chosen: an untouched
 * bin goes before a touched one, and fewer than n are touched when the next unit is placed.
 */
function shortlist(groups: Group[], candidates: readonly Candidate[]): Candidate[] {
  const units = unitsIn(groups);
  // One look at all candidates for each group, or one sort for all groups: a session may have a thousand of them.
  if (groups.length > Math.log2(candidates.length))
    return shortlistOf(groups, candidates.toSorted(emptiestFirst), units);
  const chosen = new Set(
    groups.flatMap(({ need }) => {
      const fitting = candidates.filter(({ free }) => fits(need, free));
      return firstOf(fitting, units, emptiestFirst);
    }),
  );
  return [...chosen].sort(emptiestFirst);
}

/** The same, of candidates in order. */
function shortlistOf(groups: Group[], sorted: readonly Candidate[], units: number): Candidate[] {
  const chosen = new Set<Candidate>();
  for (const { need } of groups) {
    let missing = units;
    for (let at = 0; missing > 0 && at < sorted.length; at++) {
      if (!fits(need, sorted[at]!.free)) continue;
      chosen.add(sorted[at]!);
      missing--;
    }
  }
  return sorted.filter((candidate) => chosen.has(candidate));
}

/** Binary search for a bin's place by (taken, order), from `from` on. */
function placeInQueue(queue: Bin[], bin: Bin, from: number): number {
  let low = from;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = queue[middle]!;
    if (other.taken < bin.taken || (other.taken === bin.taken && other.order < bin.order)) low = middle + 1;
    else high = middle;
  }
  return low;
}
