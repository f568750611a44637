/** From a plan to what each node is told: one Assignment per node, and who proves SSH to whom. */

import type { Plan } from "../plan/plan.ts";
import { definedOf, REACH, type SessionSpec } from "../request/spec.ts";
import { environmentsOf } from "../session/environment.ts";
import { SETTINGS } from "../settings/settings.ts";
import type { Assignment, Member } from "./protocol.ts";

/** What of a role its containers' nodes are told as it is. */
const TOLD = ["command", "entrypoint", "user", "workdir", ...REACH, "maxRestarts"] as const;

/** O(nodes × containers): each node learns all members. */
export function assignmentsOf(
  spec: SessionSpec,
  plan: Plan,
  session: { id: string; name: string; epoch: number },
): Map<string, Assignment> {
  const environments = environmentsOf(spec, session);
  const roles = new Map(spec.roles.map((role) => [role.name, role]));
  const members = plan.containers.map(({ host, role, address, nodeId }): Member => {
    return { host, address, nodeId, ...(roles.get(role)!.hostNetwork ? { onNode: true } : {}) };
  });
  const proofs = proofsOf(plan);
  const peers = plan.nodes.map(({ id, vtep, gateway }) => ({ nodeId: id, vtep, gateway }));

  return new Map(
    plan.nodes.map((node) => [
      node.id,
      {
        session: session.id,
        name: session.name,
        epoch: session.epoch,
        network: {
          driver: plan.network.driver,
          subnet: plan.network.subnet,
          gateway: node.gateway,
          vtep: node.vtep,
          mtu: plan.network.mtu,
          ...(plan.network.vni === undefined ? {} : { vni: plan.network.vni }),
          port: SETTINGS.vxlanPort,
          egress: spec.network.egress,
          peers: peers.filter((peer) => peer.nodeId !== node.id),
        },
        containers: plan.containers
          .filter((container) => container.nodeId === node.id)
          .map(({ host, role, rank, address, gpuIds }) => {
            const spec = roles.get(role)!;
            const { gpu: _, ...limits } = spec.resources;
            return {
              host,
              role,
              rank,
              address,
              image: spec.image,
              ...definedOf(spec, TOLD),
              env: environments.get(host)!,
              resources: { ...limits, gpuIds },
            };
          }),
        members,
        proofs: proofs.get(node.id) ?? [],
      },
    ]),
  );
}

/**
 * Who proves SSH to whom, per node: every container is reached once, from another node where there is one, and
 * every pair of nodes is crossed at least once (each proof sends full-MTU segments both ways).
 * Containers of a node are dealt to the other nodes in turn, so most pairs need no proof of their own.
 */
export function proofsOf(plan: Plan): Map<string, { from: string; to: string[] }[]> {
  const ids = plan.nodes.map((node) => node.id);
  const hostsOf = new Map(
    ids.map((id) => [id, plan.containers.filter((c) => c.nodeId === id).map((c) => c.host)]),
  );
  const targets = new Map(ids.map((id) => [id, new Set<string>()]));
  const crossed = new Set<string>();
  const pair = (a: number, b: number) => `${Math.min(a, b)}:${Math.max(a, b)}`;

  ids.forEach((id, at) => {
    hostsOf.get(id)!.forEach((host, turn) => {
      const from = ids.length === 1 ? at : (at + 1 + (turn % (ids.length - 1))) % ids.length;
      targets.get(ids[from]!)!.add(host);
      crossed.add(pair(at, from));
    });
  });
  for (let a = 0; a < ids.length; a++) {
    for (let b = a + 1; b < ids.length; b++) {
      if (!crossed.has(pair(a, b))) targets.get(ids[a]!)!.add(hostsOf.get(ids[b]!)![0]!);
    }
  }
  return new Map(
    ids.map((id) => {
      const to = [...targets.get(id)!];
      return [id, to.length === 0 ? [] : [{ from: hostsOf.get(id)![0]!, to }]];
    }),
  );
}
