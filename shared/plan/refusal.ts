/** Why a session cannot be planned: one sentence for the whole. node-reasons.ts has the reason for each node. */

import { sayUlimits } from "../node/ulimits.ts";
import { NOTHING_ALLOWED, notAllowed } from "../request/allowed.ts";
import { tally } from "./eligibility.ts";
import type { Replica } from "./environment.ts";
import { type Group, groupsOf, strategyOf, totalOf } from "./group.ts";
import { fits, type Need, sayAll, sayAmount, sayNeed, shortDimensions } from "./need.ts";
import { networkReasons, roomReasons } from "./node-reasons.ts";
import { firstAttempt, isPlaceable } from "./placement.ts";
import type { Refusal } from "./plan.ts";
import type { PlannedSpec } from "./planned-spec.ts";
import type { Pool } from "./pool.ts";
import type { Supply } from "./supply.ts";

/** What stopped a plan: too little room, or no network that is free on all the nodes. */
export type Failure = { lacks: "room"; reason?: never } | { lacks: "network"; reason: string };

/**
 * `emptied`: the supply's nodes as they would be without any session; missing where it is known to fit on them.
 * O(groups × nodes) at most; O(1) where sums show it, besides making those.
 */
export function refusalOf(
  spec: PlannedSpec,
  supply: Supply,
  failure: Failure,
  emptied: Pool | undefined,
): Refusal {
  const { lacks, reason } = failure;
  if (lacks === "network")
    return { reason, lacks, never: false, nodes: () => networkReasons(spec, supply, reason) };
  return { ...noRoom(spec, supply.pool, emptied), lacks, nodes: () => roomReasons(spec, supply.pool) };
}

/** `never` when the suitable nodes, cordoned and unreachable ones too, could not hold it without any other session. */
function noRoom(
  spec: PlannedSpec,
  fleet: Pool,
  emptied: Pool | undefined,
): Pick<Refusal, "reason" | "never"> {
  const groups = groupsOf(spec);
  const suitable = emptied?.suiting(spec);
  if (suitable && !isPlaceable(groups, suitable, strategyOf(spec)))
    return { never: true, reason: neverReason(spec, suitable, groups, fleet.candidates.length) };
  return { never: false, reason: nowReason(spec, fleet, groups) };
}

function neverReason(spec: PlannedSpec, suitable: Pool, groups: Group[], fleetSize: number): string {
  if (fleetSize === 0) return "the fleet has no nodes; start skein agent on one";
  const labels = Object.entries(spec.placement.labels).map(([key, value]) => `${key}=${value}`);
  const reach = notAllowed(spec.reach, NOTHING_ALLOWED);
  const having = [
    ...(labels.length === 0 ? [] : [` with ${labels.join(", ")}`]),
    ...(reach.length === 0 ? [] : [` allowing ${reach.join(", ")}`]),
    ...(spec.ulimits ? [` that can give ${sayUlimits(spec.ulimits)}`] : []),
  ].join("");
  if (suitable.candidates.length === 0) return `the fleet has no node${having}`;
  return shortage(spec, groups, suitable, {
    all: having ? `all nodes of the fleet${having} have` : "the whole fleet has",
    one: `the largest node of the fleet${having} has`,
    free: "",
    none: `no node of the fleet${having}, even without other sessions,`,
  });
}

function nowReason(spec: PlannedSpec, fleet: Pool, groups: Group[]): string {
  const usable = fleet.usable(spec);
  if (usable.candidates.length === 0) return `no node can be used now: ${tally(fleet.candidates, spec)}`;
  return shortage(spec, groups, usable, {
    all: "the usable nodes have",
    one: "the most that a usable node has is",
    free: " free",
    none: "no usable node",
  });
}

/** The simplest true reason: too much in all, too much for any one node, or room in too small pieces. */
function shortage(
  spec: PlannedSpec,
  groups: Group[],
  pool: Pool,
  words: { all: string; one: string; free: string; none: string },
): string {
  const lines = (need: Need, where: string, has: string, of: Need) =>
    shortDimensions(need, of)
      .map(
        (key) => `needs ${sayNeed(key, need[key])} ${where}; ${has} ${sayAmount(key, of[key])}${words.free}`,
      )
      .join("; ");
  const total = totalOf(groups);
  if (!fits(total, pool.spare)) return lines(total, "in all", words.all, pool.spare);
  const tooLarge = groups.find(({ need }) => !fits(need, pool.most));
  if (tooLarge) return lines(tooLarge.need, sayWhere(groups, tooLarge.units[0]!), words.one, pool.most);
  const { group, unit } = firstAttempt(groups, pool, strategyOf(spec)).unplaced!;
  return `${words.none} has ${sayAll(group.need)} left for ${sayUnit(unit)}`;
}

function sayUnit(unit: Replica[]): string {
  return unit.length === 1 ? unit[0]!.host : `all ${unit.length} containers together`;
}

function sayWhere(groups: Group[], unit: Replica[]): string {
  return groups.length === 1 && groups[0]!.units.length === 1 ? "on one node" : `for ${unit[0]!.host}`;
}
