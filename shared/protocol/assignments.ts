/** From a plan to assignments: one layout for all nodes, one part for each, and the proofs that each node makes. */

import { familiesOf, filesOf, slotsOf } from "../frameworks/frameworks.ts";
import { environmentsOf, launcherVariablesOf } from "../plan/environment.ts";
import type { Plan, PlannedContainer } from "../plan/plan.ts";
import { definedOf, REACH, type SessionSpec } from "../request/spec.ts";
import type { Settings } from "../settings/settings.ts";
import type { Layout, Part } from "./assignment.ts";

/** The fields of a role that go into assignments unchanged. */
const TOLD = ["command", "entrypoint", "user", "workdir", ...REACH, "maxRestarts"] as const;

/** Settings that hold for a session as they were when its plan began. */
export type TakenSettings = Pick<Settings, "logBytes" | "sessionRetentionSeconds">;

/** `parts` by node id. O(nodes + containers), plus the pairs of nodes: the parts hold half of them, as numbers. */
export interface Assignments {
  layout: Layout;
  parts: Map<string, Part>;
}

export function assignmentsOf(
  spec: SessionSpec,
  plan: Plan,
  session: { id: string; name: string },
  settings: TakenSettings,
): Assignments {
  const environments = environmentsOf(spec, session);
  const roles = new Map(spec.roles.map((role) => [role.name, role]));
  const places = new Map(plan.nodes.map(({ id }, place) => [id, place]));
  const env = sharedOf([...environments.values()]);
  const launcherVariables = launcherVariablesOf(spec, plan.network.subnet);
  const launchers = sharedOf([...launcherVariables.values()]);
  const proofs = proofsOf(plan);
  const onNode = new Map(plan.nodes.map(({ id }): [string, PlannedContainer[]] => [id, []]));
  for (const container of plan.containers) onNode.get(container.nodeId)!.push(container);
  const { driver, subnet, mtu, vni, port } = plan.network;
  return {
    layout: {
      name: session.name,
      network: {
        driver,
        subnet,
        mtu,
        ...(vni === undefined ? {} : { vni }),
        port,
        egress: spec.network.egress,
      },
      nodes: plan.nodes.map(({ vtep, gateway }) => [vtep, gateway]),
      roles: spec.roles.map(({ name, replicas }) => [name, replicas]),
      slots: spec.roles.map(({ resources }) => slotsOf(resources)),
      members: plan.containers.map(({ role, address, nodeId }) => [
        address,
        places.get(nodeId)!,
        roles.get(role)!.hostNetwork ? 1 : 0,
      ]),
      env,
      launchers,
      logs: { bytes: settings.logBytes, seconds: settings.sessionRetentionSeconds },
    },
    parts: new Map(
      plan.nodes.map(({ id }, place) => [
        id,
        {
          place,
          containers: onNode.get(id)!.map(({ host, role: name, rank, address, gpuIds, limits }) => {
            const role = roles.get(name)!;
            const { gpu: _, ...resources } = role.resources;
            const { shm, ...ulimits } = limits;
            return {
              host,
              role: name,
              rank,
              address,
              image: role.image,
              ...definedOf(role, TOLD),
              env: without(environments.get(host)!, env),
              launchers: without(launcherVariables.get(host)!, launchers),
              files: filesOf(familiesOf(role.frameworks)),
              resources: { ...resources, shm, gpuIds },
              ulimits,
            };
          }),
          proof: proofs[place]!,
        },
      ]),
    ),
  };
}

/** The variables that all containers have with the same value. */
function sharedOf(all: readonly Record<string, string>[]): Record<string, string> {
  const [first = {}, ...others] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((env) => env[name] === value)),
  );
}

function without(env: Record<string, string>, shared: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !Object.hasOwn(shared, name)));
}

/**
 * The proofs of each node, by place. Each container gets one login, from another node if there is one: O(containers) logins. A node's
 * containers are assigned to the other nodes in turn. Each pair of nodes exchanges one packet of full MTU: O(nodes²) packets, half of them
 * from each side, since node i sends to the nodes that follow it, up to half way round.
 */
export function proofsOf(plan: Plan): Part["proof"][] {
  const count = plan.nodes.length;
  const places = new Map(plan.nodes.map(({ id }, place) => [id, place]));
  const proofs = plan.nodes.map((_, place): Part["proof"] => ({ ssh: [], ping: laterHalf(place, count) }));
  const turns = plan.nodes.map(() => 0);
  for (const { nodeId, host } of plan.containers) {
    const place = places.get(nodeId)!;
    const from = count === 1 ? place : (place + 1 + (turns[place]!++ % (count - 1))) % count;
    proofs[from]!.ssh.push(host);
  }
  return proofs;
}

/** The places after this one, up to half way round the circle. Of two opposite places the lower one sends. */
function laterHalf(place: number, count: number): number[] {
  const half = Math.floor((count - 1) / 2) + (count % 2 === 0 && place < count / 2 ? 1 : 0);
  return Array.from({ length: half }, (_, step) => (place + 1 + step) % count);
}
