/** What a session asks for, in groups of containers that need the same. */

import type { NetworkView } from "../network/network-view.ts";
import { type Replica, replicasOf } from "./environment.ts";
import { type Need, needOf, sumOf } from "./need.ts";
import type { PlannedSpec } from "./planned-spec.ts";

/** Units of equal need. The containers of a unit share a node: one each, or in single-node mode all of them. */
export interface Group {
  /** Of one unit. */
  need: Need;
  units: Replica[][];
}

/** O(containers). */
export function groupsOf(spec: PlannedSpec): Group[] {
  const replicas = replicasOf(spec);
  const needs = needsOf(spec);
  if (spec.clusterMode === "single-node") return [{ need: needs[0]!, units: [replicas] }];
  const needOfRole = new Map(spec.roles.map(({ name }, i) => [name, needs[i]!]));
  const groups = new Map<string, Group>();
  for (const replica of replicas) {
    const need = needOfRole.get(replica.role)!;
    const key = `${need.cpu} ${need.memory} ${need.gpu}`;
    const group = groups.get(key) ?? { need, units: [] };
    group.units.push([replica]);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** What has to fit on one node, at least: in single-node mode the sum, else one entry for each role. */
export function needsOf({ clusterMode, roles }: PlannedSpec): Need[] {
  if (clusterMode === "multi-node") return roles.map(({ resources }) => needOf(resources));
  return [sumOf(roles.map(({ resources, replicas }) => [needOf(resources), replicas]))];
}

export function unitsIn(groups: readonly Group[]): number {
  return groups.reduce((sum, { units }) => sum + units.length, 0);
}

export function totalOf(groups: readonly Group[]): Need {
  return sumOf(groups.map(({ need, units }) => [need, units.length]));
}

/** At i, the least of each dimension that any group from i on needs: where that does not fit, none of them does. */
export function leastFrom(groups: readonly Group[]): Need[] {
  return groups
    .reduceRight<Need[]>((least, { need }) => {
      const { cpu, memory, gpu } = least.at(-1) ?? need;
      least.push({
        cpu: Math.min(cpu, need.cpu),
        memory: Math.min(memory, need.memory),
        gpu: Math.min(gpu, need.gpu),
      });
      return least;
    }, [])
    .reverse();
}

/** In single-node mode there is one unit: the strategy makes no difference, and spread takes the emptiest node. */
export function strategyOf({ clusterMode, placement }: PlannedSpec): PlannedSpec["placement"]["strategy"] {
  return clusterMode === "single-node" ? "spread" : placement.strategy;
}

export function driverOf({ clusterMode }: PlannedSpec): NetworkView["driver"] {
  return clusterMode === "single-node" ? "bridge" : "overlay";
}
