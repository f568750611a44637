/** What a plan takes up on each of its nodes, and of the fleet's networks. */

import type { Reserved } from "../network/addressing.ts";
import type { NodeSnapshot, Plan, Snapshot } from "./plan.ts";
import type { PlannedSpec } from "./planned-spec.ts";

type Holdings = NodeSnapshot["allocated"];

/** By node id. */
export function holdingsOf(
  { roles }: Pick<PlannedSpec, "roles">,
  { nodes, containers }: Plan,
): Map<string, Holdings> {
  const resources = new Map(roles.map((role) => [role.name, role.resources]));
  const holdings = new Map(
    nodes.map(({ id }) => [id, { cpu: 0, memory: 0, gpuIds: [] as string[], containers: 0 }]),
  );
  for (const { nodeId, role, gpuIds } of containers) {
    const { cpu = 0, memory = 0 } = resources.get(role)!;
    const held = holdings.get(nodeId)!;
    held.cpu += cpu;
    held.memory += memory;
    held.gpuIds.push(...gpuIds);
    held.containers++;
  }
  return holdings;
}

/** The fleet once a plan made on it is reserved. Nodes that the plan does not use stay the same objects. */
export function withPlan(snapshot: Snapshot, spec: Pick<PlannedSpec, "roles">, plan: Plan): Snapshot {
  const holdings = holdingsOf(spec, plan);
  const nodes = snapshot.nodes.map((node) => {
    const more = holdings.get(node.id);
    return more ? withHoldings(node, more) : node;
  });
  return { ...snapshot, nodes, reserved: reservedWith(snapshot.reserved, plan.network) };
}

export function withHoldings(node: NodeSnapshot, more: Holdings): NodeSnapshot {
  const { cpu, memory, gpuIds, containers } = node.allocated;
  return {
    ...node,
    allocated: {
      cpu: cpu + more.cpu,
      memory: memory + more.memory,
      gpuIds: [...gpuIds, ...more.gpuIds],
      containers: containers + more.containers,
    },
  };
}

export function reservedWith(
  { subnets, vnis }: Reserved,
  { subnet, vni }: { subnet: string; vni?: number | null | undefined },
): Reserved {
  return { subnets: [...subnets, subnet], vnis: vni == null ? vnis : [...vnis, vni] };
}
