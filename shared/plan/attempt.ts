/** One attempt at a placement: nodes as bins that fill up (the words of bin packing), and its result. */

import type { Candidate } from "./candidate.ts";
import type { Replica } from "./environment.ts";
import type { Group } from "./group.ts";
import { addTo, type Need } from "./need.ts";

/** A candidate and what is left of it. */
export interface Bin {
  readonly candidate: Candidate;
  readonly free: Need;
  /** Containers of this session. */
  taken: number;
  /** Its place in the order in which the bins are filled. */
  readonly order: number;
}

/** How many units of a group went into which bin. */
export type Counts = Map<Group, Map<Bin, number>>;

/** The first unit that fits on no node. */
export interface Unplaced {
  group: Group;
  unit: Replica[];
}

export interface Attempt {
  counts: Counts;
  /** The nodes that the attempt looked at. All others are untouched. */
  bins: Bin[];
  unplaced?: Unplaced;
}

/** Empty bins; earlier ones are filled first. */
export function binsOf(candidates: readonly Candidate[]): Bin[] {
  return candidates.map((candidate, order) => ({ candidate, free: { ...candidate.free }, taken: 0, order }));
}

/** Puts `times` units of a group into a bin. */
export function take(counts: Counts, group: Group, bin: Bin, times: number): void {
  addTo(bin.free, group.need, -times);
  bin.taken += times * group.units[0]!.length;
  const bins = counts.get(group) ?? new Map<Bin, number>();
  counts.set(group, bins.set(bin, (bins.get(bin) ?? 0) + times));
}
