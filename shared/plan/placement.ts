/**
 * Which containers go on which node: greedy, most demanding first, in two ways (spread, pack) that are each
 * other's fallback. Deterministic: every order ends in the node's id or the container's rank.
 */
import type { Seat } from "../session/environment.ts";
import { dominantShare, fits, type Need, sumOf, timesIn } from "./need.ts";
import { pack } from "./pack.ts";
import type { NodeSnapshot } from "./plan.ts";
import { type Counts, compare, freeOf, type Group, type Room, roomsOf, type Stuck } from "./room.ts";
import { spread } from "./spread.ts";

export interface Placed {
  seat: Seat;
  node: NodeSnapshot;
}

/** `placed` in rank order. */
export type Placement = { placed: Placed[]; stuck?: never } | { placed?: never; stuck: Stuck };

/**
 * One group is placed exactly. Several are placed first-fit decreasing, in up to four orders and both ways, before
 * it is said that there is no room (which is then a strong hint, not a proof: this is bin packing).
 * O(groups × nodes + containers × log nodes), the moving of array items aside, for each of at most 8 tries.
 */
export function place(groups: Group[], nodes: NodeSnapshot[], strategy: "spread" | "pack"): Placement {
  const ways = strategy === "spread" ? [spread, pack] : [pack, spread];
  const frees = nodes.map(freeOf);
  const free = sumOf(frees.map((each) => [each, 1]));
  const hopeless =
    !fits(sumOf(groups.map(({ need, units }) => [need, units.length])), free) ||
    groups.some((group) => !holdsAlone(group, frees));
  let stuck: Stuck | undefined;
  for (const way of ways) {
    for (const order of ordersOf(groups, free)) {
      const trial = way(order, roomsOf(nodes));
      if (!trial.stuck) return { placed: deal(trial.counts) };
      stuck ??= trial.stuck;
      if (hopeless || groups.length === 1) return { stuck };
    }
  }
  return { stuck: stuck! };
}

/** Could the nodes hold this group, were it the only one? */
function holdsAlone({ need, units }: Group, frees: Need[]): boolean {
  let held = 0;
  return frees.some((free) => {
    held += timesIn(need, free);
    return held >= units.length;
  });
}

/**
 * Ranks are dealt in blocks: consecutive ranks of equal need share a node, the node of rank 0 comes first.
 * That is what torchrun (rank = node × per node + local), mpirun (by slot) and Slurm (block) do by default.
 */
function deal(counts: Counts): Placed[] {
  const dealt: Placed[] = [];
  const byOrder = (rooms: Map<Room, number>) => [...rooms].sort(([a], [b]) => a.order - b.order);
  const leading = [...counts].find(([group]) => group.units[0]![0]!.rank === 0)!;
  const lead = byOrder(leading[1])[0]![0];
  for (const [group, rooms] of counts) {
    const ordered = byOrder(rooms);
    const first = ordered.filter(([room]) => room === lead);
    let next = 0;
    for (const [room, times] of [...first, ...ordered.filter(([room]) => room !== lead)]) {
      for (const seat of group.units.slice(next, next + times).flat()) dealt.push({ seat, node: room.node });
      next += times;
    }
  }
  return dealt.sort((a, b) => a.seat.rank - b.seat.rank);
}

/** Most demanding first: by the largest part of what is free, then by GPUs, cores or memory alone. */
function ordersOf(groups: Group[], free: Need): Group[][] {
  const weights: ((need: Need) => number)[] = [
    (need) => dominantShare(need, free),
    (need) => need.gpu,
    (need) => need.cpu,
    (need) => need.memory,
  ];
  const orders = weights.map((weight) => groups.toSorted((a, b) => compare(weight(b.need), weight(a.need))));
  return orders.filter(
    (order, i) => orders.findIndex((other) => other.every((group, at) => group === order[at])) === i,
  );
}
