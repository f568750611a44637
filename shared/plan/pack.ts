/** The placement strategy "pack". */
import { type Attempt, binsOf, type Counts, take } from "./attempt.ts";
import { type Candidate, emptiestFirst } from "./candidate.ts";
import { firstOf } from "./first-of.ts";
import { type Group, leastFrom, unitsIn } from "./group.ts";
import { addTo, fits, type Need, timesIn } from "./need.ts";

/**
 * Fills the nodes that hold most of the session first; among equals the fullest, so that whole nodes stay free
 * for others. O(groups × candidates); where not one unit goes on some of the first nodes, plus a sort of all.
 */
export function pack(groups: Group[], candidates: readonly Candidate[]): Attempt {
  const units = unitsIn(groups);
  const first = fill(groups, ranked(groups, candidates, units));
  if (!first.unplaced || candidates.length <= units) return first;
  return fill(groups, ranked(groups, candidates, candidates.length));
}

function fill(groups: Group[], candidates: Candidate[]): Attempt {
  const least = leastFrom(groups);
  const bins = binsOf(candidates);
  const counts: Counts = new Map();
  const done = groups.map(() => 0);
  for (const bin of bins) {
    for (const [i, group] of groups.entries()) {
      if (!fits(least[i]!, bin.free)) break;
      const times = Math.min(group.units.length - done[i]!, timesIn(group.need, bin.free));
      if (times > 0) take(counts, group, bin, times);
      done[i]! += times;
    }
  }
  const short = groups.findIndex((group, i) => done[i]! < group.units.length);
  if (short < 0) return { counts, bins };
  const group = groups[short]!;
  return { counts, bins, unplaced: { group, unit: group.units[done[short]!]! } };
}

/** The first `count` in the order in which they are filled. */
function ranked(groups: Group[], candidates: readonly Candidate[], count: number): Candidate[] {
  const least = leastFrom(groups);
  const rated = candidates.map((candidate) => ({ candidate, holds: holdsOf(groups, least, candidate) }));
  return firstOf(
    rated,
    count,
    (a, b) =>
      b.holds - a.holds || b.candidate.inUse - a.candidate.inUse || emptiestFirst(a.candidate, b.candidate),
  ).map(({ candidate }) => candidate);
}

/** How many units an otherwise untouched node takes, filled in the order of `groups`. */
function holdsOf(groups: Group[], least: Need[], candidate: Candidate): number {
  const free = { ...candidate.free };
  let held = 0;
  for (const [i, { need, units }] of groups.entries()) {
    if (!fits(least[i]!, free)) break;
    const times = Math.min(units.length, timesIn(need, free));
    addTo(free, need, -times);
    held += times;
  }
  return held;
}
