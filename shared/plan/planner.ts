/** The planner: from what a session asks for and what the fleet has, to what would run where, or why not. */
import { addressing, leavesAddresses } from "../network/addressing.ts";
import type { SessionSpec } from "../request/spec.ts";
import { seatsOf } from "../session/environment.ts";
import { SETTINGS } from "../settings/settings.ts";
import { fits, freeGpuIds, needOf, sumOf } from "./need.ts";
import { type Placed, place } from "./placement.ts";
import type { NodeSnapshot, Planning, Snapshot } from "./plan.ts";
import { nodeReasons, noRoom, unusable } from "./refusal.ts";
import { emptied, freeOf, type Group, type Stuck } from "./room.ts";

/**
 * Proposes, and changes nothing. The same spec and snapshot give the same plan byte by byte, in whatever order
 * the snapshot lists its nodes. Used for dry runs and for admission alike.
 *
 * Nodes that are ready, not cordoned, and have the labels are candidates. Single-node: the emptiest that fits the
 * sum. Multi-node: spread evenly, or packed on few, with consecutive ranks side by side (see placement.ts).
 * O(needs × nodes + containers × log nodes + subnets × log subnets), where needs counts the different
 * `resources` among the roles.
 */
export function plan(spec: SessionSpec, snapshot: Snapshot): Planning {
  const groups = groupsOf(spec);
  const candidates = snapshot.nodes.filter((node) => unusable(node, spec) === undefined);
  const first = attempt(spec, snapshot, groups, candidates);
  if (first.plan) return first;
  if (first.stuck) return { refusal: noRoom(spec, snapshot.nodes, groups, first.stuck) };

  // Perhaps one node's routes cover the whole pool (10.0.0.0/8): leave such nodes out and try again.
  const open = candidates.filter(leavesAddresses);
  const second = open.length < candidates.length ? attempt(spec, snapshot, groups, open) : first;
  if (second.plan) return second;
  const covered = new Set(candidates.filter((node) => !open.includes(node)));
  return {
    refusal: {
      reason: first.reason,
      never: false,
      nodes: nodeReasons(snapshot.nodes, (node) =>
        covered.has(node)
          ? `its own routes and networks cover the address pool ${SETTINGS.addressPool}`
          : (unusable(node, spec) ?? first.reason),
      ),
    },
  };
}

/** The nodes that may be used for it, and could hold at least one of its containers if they were empty. */
export function servingNodes(spec: SessionSpec, nodes: NodeSnapshot[]): NodeSnapshot[] {
  const groups = groupsOf(spec);
  return nodes.filter(
    (node) =>
      unusable(node, spec) === undefined && groups.some(({ need }) => fits(need, freeOf(emptied(node)))),
  );
}

type Attempt =
  | { plan: NonNullable<Planning["plan"]>; stuck?: never; reason?: never }
  | { stuck: Stuck; plan?: never; reason?: never }
  | { reason: string; plan?: never; stuck?: never };

function attempt(
  spec: SessionSpec,
  snapshot: Snapshot,
  groups: Group[],
  candidates: NodeSnapshot[],
): Attempt {
  const single = spec.clusterMode === "single-node";
  const { placed, stuck } = place(groups, candidates, single ? "spread" : spec.placement.strategy);
  if (stuck) return { stuck };
  const nodes = [...new Set(placed.map(({ node }) => node))];
  const driver = single ? "bridge" : "overlay";
  const addresses = addressing(nodes, placed.length, driver, snapshot.reserved);
  if (typeof addresses === "string") return { reason: addresses };
  const gpusOf = gpuDealer(spec, placed);
  return {
    plan: {
      network: addresses.network,
      nodes: nodes.map(({ id, name, address }, place) => ({
        id,
        name,
        vtep: address,
        gateway: addresses.gatewayOf(place),
      })),
      containers: placed.map((each) => ({
        ...each.seat,
        nodeId: each.node.id,
        address: addresses.addressOf(each.seat.rank),
        gpuIds: gpusOf(each),
      })),
    },
  };
}

/** Seats of equal need form a group; in single-node mode all seats are one unit that needs the sum. */
function groupsOf(spec: SessionSpec): Group[] {
  const needs = new Map(spec.roles.map((role) => [role.name, needOf(role.resources)]));
  const seats = seatsOf(spec);
  if (spec.clusterMode === "single-node") {
    return [
      { need: sumOf(spec.roles.map((role) => [needs.get(role.name)!, role.replicas])), units: [seats] },
    ];
  }
  const groups = new Map<string, Group>();
  for (const seat of seats) {
    const need = needs.get(seat.role)!;
    const key = JSON.stringify(need);
    const group = groups.get(key) ?? { need, units: [] };
    group.units.push([seat]);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Hands out each node's free GPUs in rank order. */
function gpuDealer(spec: SessionSpec, placed: Placed[]): (of: Placed) => string[] {
  const wanted = new Map(spec.roles.map((role) => [role.name, role.resources.gpu ?? 0]));
  const free = new Map(placed.map(({ node }) => [node, freeGpuIds(node)]));
  return ({ seat, node }) => free.get(node)!.splice(0, wanted.get(seat.role)!);
}
