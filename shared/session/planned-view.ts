/** A session as the API shows it before any node has reported: without a plan, and as its plan begins. */

import { replicasOf } from "../plan/environment.ts";
import type { Plan } from "../plan/plan.ts";
import { networkView } from "../plan/plan-view.ts";
import type { SessionSpec } from "../request/spec.ts";
import type { SessionView } from "./session-schemas.ts";

/** Nothing of it is planned yet: every container is pending. */
export function pendingView(
  spec: SessionSpec,
  { id, name, createdAt }: Pick<SessionView, "id" | "name" | "createdAt">,
): SessionView {
  const images = new Map(spec.roles.map(({ name: role, image }) => [role, image]));
  const replicas = replicasOf(spec);
  return {
    id,
    name,
    status: "pending",
    reason: null,
    clusterMode: spec.clusterMode,
    clusterSize: replicas.length,
    epoch: 0,
    network: null,
    containers: replicas.map((replica) => ({
      ...replica,
      nodeId: null,
      node: null,
      address: null,
      image: images.get(replica.role)!,
      limits: null,
      status: "pending",
      ssh: null,
      containerId: null,
      exitCode: null,
      output: null,
      reason: null,
    })),
    apps: spec.apps ?? [],
    createdAt,
    startedAt: null,
    endedAt: null,
    exitCode: null,
  };
}

/** A session whose plan begins: it shows the network and the planned nodes of its containers. */
export function begunView(pending: SessionView, epoch: number, plan: Plan): SessionView {
  const names = new Map(plan.nodes.map(({ id, name }) => [id, name]));
  const placed = new Map(plan.containers.map((each) => [each.rank, each]));
  return {
    ...pending,
    status: "preparing",
    reason: null,
    epoch,
    network: networkView(plan.network),
    containers: pending.containers.map((container) => {
      const { nodeId, address, limits } = placed.get(container.rank)!;
      return { ...container, nodeId, node: names.get(nodeId)!, address, limits };
    }),
  };
}
