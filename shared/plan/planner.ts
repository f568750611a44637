/** The planner: from what a session asks for and what the fleet has, to what would run where, or why not. */

import { addressing, networkObstacles } from "../network/addressing.ts";
import type { NetworkView } from "../network/network-view.ts";
import { driverOf, type Group, groupsOf, strategyOf } from "./group.ts";
import { limitsOf } from "./limits.ts";
import { freeGpuIds } from "./need.ts";
import { type Placed, place } from "./placement.ts";
import type { Plan, Planning, Snapshot } from "./plan.ts";
import type { PlannedSpec } from "./planned-spec.ts";
import type { Pool } from "./pool.ts";
import { type Failure, refusalOf } from "./refusal.ts";
import { type Supply, supplyOf } from "./supply.ts";

/**
 * Proposes, and changes nothing. The same spec and snapshot give the same plan byte by byte, in whatever order
 * the snapshot lists its nodes. Used for dry runs and for admission alike.
 *
 * Nodes that are ready, not cordoned, have the labels and allow what is asked for are usable. Single-node: the
 * emptiest that fits the sum. Multi-node: spread evenly, or packed on few, with consecutive ranks side by side
 * (placement.ts).
 * O(groups × nodes + containers log containers + subnets log subnets), where groups counts the different `resources`
 * among the roles. 64 containers over 9,000 nodes: about 10 ms of CPU (bench/planner.ts).
 */
export function plan(spec: PlannedSpec, snapshot: Snapshot): Planning {
  const supply = supplyOf(snapshot);
  const { plan, failure } = planOn(spec, supply);
  return plan ? { plan } : { refusal: refusalOf(spec, supply, failure, supply.pool.emptied()) };
}

export type Outcome = { plan: Plan; failure?: never } | { plan?: never; failure: Failure };

const NO_ROOM: Outcome = { failure: { lacks: "room" } };

/** As `plan`, without the words of a refusal: for many plans over one supply. */
export function planOn(spec: PlannedSpec, supply: Supply): Outcome {
  const groups = groupsOf(spec);
  const pool = supply.pool.usable(spec);
  const first = tryOn(spec, supply, groups, pool);
  if (first.plan || first.failure.lacks === "room") return first;

  // Perhaps one node's routes cover the whole pool (10.0.0.0/8): leave such nodes out and try again.
  const driver = driverOf(spec);
  if (!mayHaveNetwork(groups, driver, supply)) return first;
  const obstacleOf = networkObstacles(driver, supply.space);
  const others = pool.filter(({ node }) => obstacleOf(node) === undefined);
  if (others.candidates.length === pool.candidates.length) return first;
  const second = tryOn(spec, supply, groups, others);
  return second.plan ? second : first;
}

/** Could there be a network for it if the nodes used none themselves? */
function mayHaveNetwork(
  groups: Group[],
  driver: NetworkView["driver"],
  { reserved, space }: Supply,
): boolean {
  const containers = groups.reduce((sum, { units }) => sum + units.flat().length, 0);
  return typeof addressing([], containers, driver, reserved, space) !== "string";
}

function tryOn(spec: PlannedSpec, supply: Supply, groups: Group[], pool: Pool): Outcome {
  const placed = place(groups, pool, strategyOf(spec));
  if (!placed) return NO_ROOM;
  const nodes = [...new Set(placed.map(({ node }) => node))];
  const addresses = addressing(nodes, placed.length, driverOf(spec), supply.reserved, supply.space);
  if (typeof addresses === "string") return { failure: { lacks: "network", reason: addresses } };
  const roles = new Map(spec.roles.map((role) => [role.name, role]));
  const gpusOf = gpuDealer(spec, placed);
  const addressOf = ({ replica }: Placed) => addresses.addressOf(replica.rank);
  // A node with a container on its own network is that container in the session's network: tools take the bridge's first address for it.
  const onNode = placed.filter(({ replica }) => roles.get(replica.role)!.hostNetwork);
  const firstOn = new Map(onNode.toReversed().map((each) => [each.node, addressOf(each)]));
  return {
    plan: {
      network: addresses.network,
      nodes: nodes.map((node, at) => ({
        id: node.id,
        name: node.name,
        vtep: node.address,
        gateway: firstOn.get(node) ?? addresses.gatewayOf(at),
      })),
      containers: placed.map((each) => ({
        ...each.replica,
        nodeId: each.node.id,
        address: addressOf(each),
        gpuIds: gpusOf(each),
        limits: limitsOf(roles.get(each.replica.role)!, each.node),
      })),
    },
  };
}

/** Hands out each node's free GPUs in rank order. */
function gpuDealer(spec: PlannedSpec, placed: Placed[]): (of: Placed) => string[] {
  const wanted = new Map(spec.roles.map((role) => [role.name, role.resources.gpu ?? 0]));
  const free = new Map(placed.map(({ node }) => [node, freeGpuIds(node)]));
  return ({ replica, node }) => free.get(node)!.splice(0, wanted.get(replica.role)!);
}
