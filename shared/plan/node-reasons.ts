/** Why a session cannot be placed, node by node. Only a dry run shows it. */

import { networkObstacles } from "../network/addressing.ts";
import type { Unplaced } from "./attempt.ts";
import { type Candidate, compare } from "./candidate.ts";
import { obstacles } from "./eligibility.ts";
import { driverOf, type Group, groupsOf, strategyOf } from "./group.ts";
import { type Need, needOf, sayAmount, sayNeed, shortDimensions } from "./need.ts";
import { firstAttempt } from "./placement.ts";
import type { PlannedSpec } from "./planned-spec.ts";
import type { Pool } from "./pool.ts";
import type { Supply } from "./supply.ts";

export interface NodeReason {
  /** The node's name. */
  node: string;
  reason: string;
}

/** Where there is no room: why a node is unusable, or what the first unplaced containers lack on it. */
export function roomReasons(spec: PlannedSpec, fleet: Pool): NodeReason[] {
  const groups = groupsOf(spec);
  const { bins, unplaced } = firstAttempt(groups, fleet.usable(spec), strategyOf(spec));
  const binOf = new Map(bins.map((bin) => [bin.candidate, bin]));
  return byName(fleet, (candidate) => {
    const unusable = obstacles(candidate.node, spec);
    if (unusable.length > 0) return unusable.join("; ");
    const { free, taken } = binOf.get(candidate) ?? { free: candidate.free, taken: 0 };
    return roomReason(groups, unplaced!, needOf(candidate.node.capacity), free, taken);
  });
}

/** Where there is no network: why a node is unusable or can have none at all, else the reason for the whole. */
export function networkReasons(spec: PlannedSpec, { pool, space }: Supply, reason: string): NodeReason[] {
  const obstacleOf = networkObstacles(driverOf(spec), space);
  return byName(pool, ({ node }) => obstacles(node, spec).join("; ") || (obstacleOf(node) ?? reason));
}

function roomReason(
  groups: Group[],
  { group, unit }: Unplaced,
  capacity: Need,
  free: Need,
  taken: number,
): string {
  const needs = shortDimensions(group.need, free)
    .map((key) => {
      const of = `${sayAmount(key, free[key])} of ${sayAmount(key, capacity[key])}`;
      return `needs ${sayNeed(key, group.need[key])}, ${of} ${taken > 0 ? "left" : "free"}`;
    })
    .join("; ");
  const total = groups.reduce((sum, { units }) => sum + units.length * units[0]!.length, 0);
  if (taken > 0) return `has room for ${taken} of ${total} containers; ${unit[0]!.host} ${needs}`;
  return groups.length > 1 ? `${unit[0]!.host} ${needs}` : needs;
}

function byName({ candidates }: Pool, reason: (candidate: Candidate) => string): NodeReason[] {
  return candidates
    .toSorted((a, b) => compare(a.node.name, b.node.name) || compare(a.node.id, b.node.id))
    .map((candidate) => ({ node: candidate.node.name, reason: reason(candidate) }));
}
