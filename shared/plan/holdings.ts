/** What a plan takes up on each of its nodes. */

import type { SessionSpec } from "../request/spec.ts";
import type { NodeSnapshot, Plan, Snapshot } from "./plan.ts";

/** By node id. */
export function holdingsOf(
  { roles }: Pick<SessionSpec, "roles">,
  { nodes, containers }: Plan,
): Map<string, NodeSnapshot["allocated"]> {
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

/** The fleet once a plan made on it is reserved. */
export function withPlan(snapshot: Snapshot, spec: Pick<SessionSpec, "roles">, plan: Plan): Snapshot {
  const holdings = holdingsOf(spec, plan);
  const { subnet, vni } = plan.network;
  return {
    nodes: snapshot.nodes.map((node) => {
      const more = holdings.get(node.id);
      if (!more) return node;
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
    }),
    reserved: {
      subnets: [...snapshot.reserved.subnets, subnet],
      vnis: [...snapshot.reserved.vnis, ...(vni === undefined ? [] : [vni])],
    },
  };
}
