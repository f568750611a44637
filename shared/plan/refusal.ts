/** Why a session cannot be placed: one sentence for the whole, one reason for each node. */
import { NOTHING_ALLOWED, notAllowed } from "../request/allowed.ts";
import type { SessionSpec } from "../request/spec.ts";
import type { Seat } from "../session/environment.ts";
import {
  type Dimension,
  fits,
  type Need,
  needOf,
  sayAll,
  sayAmount,
  sayNeed,
  shortDimensions,
  sumOf,
} from "./need.ts";
import { place } from "./placement.ts";
import type { NodeSnapshot, Refusal } from "./plan.ts";
import { compare, emptied, freeOf, type Group, type Room, type Stuck } from "./room.ts";

/** Why nothing may be placed on a node, whatever its size; undefined when something may. */
export function unusable(node: NodeSnapshot, spec: SessionSpec): string | undefined {
  const reasons = [
    ...(node.status === "ready" ? [] : [node.status]),
    ...(node.schedulable ? [] : ["cordoned"]),
    ...unsuitable(node, spec),
  ];
  return reasons.length === 0 ? undefined : reasons.join("; ");
}

/** What keeps this spec from this node as it is set up, whatever else it holds, and whether its link is up or not. */
function unsuitable(node: NodeSnapshot, spec: SessionSpec): string[] {
  const denied = notAllowed(spec.reach, node.allows);
  return [
    ...missingLabels(node, spec),
    ...(denied.length === 0 ? [] : [`does not allow ${denied.join(", ")}`]),
  ];
}

function missingLabels(node: NodeSnapshot, spec: SessionSpec): string[] {
  return Object.entries(spec.placement.labels).flatMap(([key, value]) => {
    if (!Object.hasOwn(node.labels, key)) return [`label ${key}=${value} is missing`];
    return node.labels[key] === value ? [] : [`label ${key} is ${node.labels[key]}, not ${value}`];
  });
}

/** One reason per node, by name. */
export function nodeReasons(nodes: NodeSnapshot[], reason: (node: NodeSnapshot) => string): Refusal["nodes"] {
  return nodes
    .toSorted((a, b) => compare(a.name, b.name) || compare(a.id, b.id))
    .map((node) => ({ node: node.name, reason: reason(node) }));
}

/**
 * The refusal for want of room. `stuck` is where placing on the usable nodes ended. `never` when the suitable
 * nodes, cordoned and unreachable ones too, could not hold it without any other session.
 */
export function noRoom(spec: SessionSpec, nodes: NodeSnapshot[], groups: Group[], stuck: Stuck): Refusal {
  const rooms = new Map(stuck.rooms.map((room) => [room.node.id, room]));
  const suitable = nodes.filter((node) => unsuitable(node, spec).length === 0).map(emptied);
  const stuckEmpty = place(groups, suitable, spec.placement.strategy).stuck;
  return {
    never: stuckEmpty !== undefined,
    reason: stuckEmpty
      ? neverReason(spec, nodes, suitable, groups, stuckEmpty)
      : nowReason(spec, nodes, groups, stuck),
    nodes: nodeReasons(nodes, (node) => {
      const room = rooms.get(node.id);
      return room ? roomReason(groups, stuck, room) : unusable(node, spec)!;
    }),
  };
}

function neverReason(
  spec: SessionSpec,
  nodes: NodeSnapshot[],
  suitable: NodeSnapshot[],
  groups: Group[],
  stuck: Stuck,
): string {
  if (nodes.length === 0) return "the fleet has no nodes; start skein agent on one";
  const labels = Object.entries(spec.placement.labels).map(([key, value]) => `${key}=${value}`);
  const reach = notAllowed(spec.reach, NOTHING_ALLOWED);
  const having = [
    ...(labels.length === 0 ? [] : [` with ${labels.join(", ")}`]),
    ...(reach.length === 0 ? [] : [` allowing ${reach.join(", ")}`]),
  ].join("");
  if (suitable.length === 0) return `the fleet has no node${having}`;
  return shortage(groups, stuck, suitable, {
    all: having ? `all nodes of the fleet${having} have` : "the whole fleet has",
    one: `the largest node of the fleet${having} has`,
    free: "",
    none: `no node of the fleet${having}, even without other sessions,`,
  });
}

function nowReason(spec: SessionSpec, nodes: NodeSnapshot[], groups: Group[], stuck: Stuck): string {
  if (stuck.rooms.length === 0) return `no node can be used now: ${tally(spec, nodes)}`;
  const usable = stuck.rooms.map((room) => room.node);
  return shortage(groups, stuck, usable, {
    all: "the usable nodes have",
    one: "the most that a usable node has is",
    free: " free",
    none: "no usable node",
  });
}

/** `2 cordoned, 1 disconnected, 4 without the labels`: each node counts once. */
function tally(spec: SessionSpec, nodes: NodeSnapshot[]): string {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const [first] = [
      ...missingLabels(node, spec).map(() => "without the labels"),
      ...unsuitable(node, spec).map(() => "that does not allow it"),
      ...(node.status === "ready" ? [] : [node.status]),
      "cordoned",
    ];
    counts.set(first!, (counts.get(first!) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => compare(a, b))
    .map(([what, count]) => `${count} ${what}`)
    .join(", ");
}

/** The simplest true reason: too much in all, too much for any one node, or room in too small pieces. */
function shortage(
  groups: Group[],
  { group, unit }: Stuck,
  nodes: NodeSnapshot[],
  words: { all: string; one: string; free: string; none: string },
): string {
  const free = nodes.map((node) => freeOf(node));
  const total = sumOf(groups.map(({ need, units }) => [need, units.length]));
  const all = sumOf(free.map((each) => [each, 1]));
  const line = (key: Dimension, need: Need, where: string, has: string, of: Need) =>
    `needs ${sayNeed(key, need[key])} ${where}; ${has} ${sayAmount(key, of[key])}${words.free}`;
  if (!fits(total, all)) {
    return shortDimensions(total, all)
      .map((key) => line(key, total, "in all", words.all, all))
      .join("; ");
  }
  const most = { cpu: 0, memory: 0, gpu: 0 };
  for (const each of free) {
    for (const key of Object.keys(most) as Dimension[]) most[key] = Math.max(most[key], each[key]);
  }
  const tooLarge = groups.find(({ need }) => !fits(need, most));
  if (tooLarge) {
    const where = sayWhere(groups, tooLarge.units[0]!);
    return shortDimensions(tooLarge.need, most)
      .map((key) => line(key, tooLarge.need, where, words.one, most))
      .join("; ");
  }
  return `${words.none} has ${sayAll(group.need)} left for ${sayUnit(unit)}`;
}

/** Why the next containers found no room on this node. */
function roomReason(groups: Group[], { group, unit }: Stuck, { node, free, taken }: Room): string {
  const capacity = needOf(node.capacity);
  const needs = shortDimensions(group.need, free)
    .map((key) => {
      const of = `${sayAmount(key, free[key])} of ${sayAmount(key, capacity[key])}`;
      return `needs ${sayNeed(key, group.need[key])}, ${of} ${taken > 0 ? "left" : "free"}`;
    })
    .join("; ");
  const total = groups.reduce((sum, { units }) => sum + units.length * units[0]!.length, 0);
  if (taken > 0) return `has room for ${taken} of ${total} containers; ${unit[0]!.host} ${needs}`;
  return groups.length > 1 ? `${unit[0]!.host} ${needs}` : needs;
}

function sayUnit(unit: Seat[]): string {
  return unit.length === 1 ? unit[0]!.host : `all ${unit.length} containers together`;
}

function sayWhere(groups: Group[], unit: Seat[]): string {
  return groups.length === 1 && groups[0]!.units.length === 1 ? "on one node" : `for ${unit[0]!.host}`;
}
