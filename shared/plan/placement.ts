/**
 * Which containers go on which node: greedy, most demanding first, in two ways (spread, pack) that are each
 * other's fallback. Deterministic: every order ends in the node's id or the container's rank.
 */

import type { Attempt, Bin, Counts } from "./attempt.ts";
import { compare } from "./candidate.ts";
import type { Replica } from "./environment.ts";
import { type Group, totalOf, unitsIn } from "./group.ts";
import { dominantShare, fits, type Need, timesIn } from "./need.ts";
import { pack } from "./pack.ts";
import type { NodeSnapshot } from "./plan.ts";
import type { PlannedSpec } from "./planned-spec.ts";
import type { Pool } from "./pool.ts";
import { spread } from "./spread.ts";

export interface Placed {
  replica: Replica;
  node: NodeSnapshot;
}

type Strategy = PlannedSpec["placement"]["strategy"];
const WAYS = { spread: [spread, pack], pack: [pack, spread] } as const;

/**
 * In rank order; undefined where there is no room. One group is placed exactly. Several are placed first-fit
 * decreasing, in up to four orders and both ways. So for several groups a no is a strong hint, not a proof: this is
 * bin packing. O(1) where the pool's sums show that there is no room, else O(groups × nodes + containers log
 * containers) for each attempt.
 */
export function place(groups: Group[], pool: Pool, strategy: Strategy): Placed[] | undefined {
  if (!mayHold(groups, pool)) return undefined;
  const contenders = contendersOf(groups, pool);
  if (!fits(totalOf(groups), contenders.spare)) return undefined;
  for (const { counts, unplaced } of attempts(groups, contenders, strategy)) {
    if (!unplaced) return deal(counts);
  }
  return undefined;
}

/** Is there room, as `place` sees it? */
export function isPlaceable(groups: Group[], pool: Pool, strategy: Strategy): boolean {
  return mayHold(groups, pool) && (groups.length === 1 || place(groups, pool, strategy) !== undefined);
}

/** The attempt that a refusal describes. */
export function firstAttempt(groups: Group[], pool: Pool, strategy: Strategy): Attempt {
  const [attempt] = attempts(groups, contendersOf(groups, pool), strategy);
  return attempt!;
}

/** False only if there is no room. For one group true is certain as well. */
function mayHold(groups: Group[], pool: Pool): boolean {
  return (
    fits(totalOf(groups), pool.spare) &&
    groups.every(({ need }) => {
      // Wherever a larger unit goes, this one would fit, too. So there must be as many places for it as units of both.
      const units = unitsIn(groups.filter((other) => fits(need, other.need)));
      return fits(need, pool.most) && holds(pool, need, units);
    })
  );
}

function holds({ candidates }: Pool, need: Need, times: number): boolean {
  let held = 0;
  return candidates.some(({ free }) => {
    held += timesIn(need, free);
    return held >= times;
  });
}

/** Those on which at least one unit fits. */
function contendersOf(groups: Group[], pool: Pool): Pool {
  return pool.filter(({ free }) => groups.some(({ need }) => fits(need, free)));
}

function* attempts(groups: Group[], contenders: Pool, strategy: Strategy): Iterable<Attempt> {
  const orders = groups.length === 1 ? [groups] : ordersOf(groups, contenders);
  for (const way of WAYS[strategy]) {
    for (const order of orders) yield way(order, contenders.candidates);
  }
}

/**
 * Most demanding first: by the largest part of what is free, then by GPUs, cores or memory alone. Only nodes that can
 * hold something of the session count, so that nodes which do not matter to it do not change its order.
 */
function ordersOf(groups: Group[], { spare }: Pool): Group[][] {
  const weights: ((need: Need) => number)[] = [
    (need) => dominantShare(need, spare),
    (need) => need.gpu,
    (need) => need.cpu,
    (need) => need.memory,
  ];
  const orders = weights.map((weight) => groups.toSorted((a, b) => compare(weight(b.need), weight(a.need))));
  return orders.filter(
    (order, i) => orders.findIndex((other) => other.every((group, at) => group === order[at])) === i,
  );
}

/**
 * Ranks are dealt in blocks: consecutive ranks of equal need share a node, the node of rank 0 comes first.
 * That is what torchrun (rank = node × per node + local), mpirun (by slot) and Slurm (block) do by default.
 */
function deal(counts: Counts): Placed[] {
  const dealt: Placed[] = [];
  const byOrder = (bins: Map<Bin, number>) => [...bins].sort(([a], [b]) => a.order - b.order);
  const leading = [...counts].find(([group]) => group.units[0]![0]!.rank === 0)!;
  const lead = byOrder(leading[1])[0]![0];
  for (const [group, bins] of counts) {
    const ordered = byOrder(bins);
    const first = ordered.filter(([bin]) => bin === lead);
    let next = 0;
    for (const [bin, times] of [...first, ...ordered.filter(([bin]) => bin !== lead)]) {
      const { node } = bin.candidate;
      for (const replica of group.units.slice(next, next + times).flat()) dealt.push({ replica, node });
      next += times;
    }
  }
  return dealt.sort((a, b) => a.replica.rank - b.replica.rank);
}
