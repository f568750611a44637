/** Groups of containers, and nodes as rooms that fill up while a placement is tried. */
import type { Seat } from "../session/environment.ts";
import { addTo, freeGpuIds, type Need, needOf, share } from "./need.ts";
import type { NodeSnapshot } from "./plan.ts";

/** Containers of equal need. A unit's seats share a node: one seat each, or in single-node mode all of them. */
export interface Group {
  /** Of one unit. */
  need: Need;
  units: Seat[][];
}

/** A node and what is left of it while a placement is tried. */
export interface Room {
  node: NodeSnapshot;
  free: Need;
  /** Containers of this session. */
  taken: number;
  /** The largest part of it that other sessions hold, over cores, memory and GPUs. */
  inUse: number;
  /** Its place in the order that nodes are filled in. */
  order: number;
}

/** The first unit that found no node, and the rooms as they were then. */
export interface Stuck {
  group: Group;
  unit: Seat[];
  rooms: Room[];
}

/** How many units of a group went into which room. */
export type Counts = Map<Group, Map<Room, number>>;
/** What one try at placing came to. */
export type Trial = { counts: Counts; stuck?: Stuck };

/** At i, the least of each dimension that any group from i on needs: where that does not fit, none of them does. */
export function leastFrom(groups: Group[]): Need[] {
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

/** Puts `times` units of a group into a room. */
export function take(counts: Counts, group: Group, room: Room, times: number): void {
  addTo(room.free, group.need, -times);
  room.taken += times * group.units[0]!.length;
  const rooms = counts.get(group) ?? new Map<Room, number>();
  counts.set(group, rooms.set(room, (rooms.get(room) ?? 0) + times));
}

/** Emptiest first: by the part in use, then the number of containers, then name and id. */
export function roomsOf(nodes: NodeSnapshot[]): Room[] {
  const rooms = nodes.map(
    (node): Room => ({ node, free: freeOf(node), taken: 0, inUse: inUse(node), order: 0 }),
  );
  rooms.sort(
    (a, b) =>
      a.inUse - b.inUse ||
      a.node.allocated.containers - b.node.allocated.containers ||
      compare(a.node.name, b.node.name) ||
      compare(a.node.id, b.node.id),
  );
  rooms.forEach((room, order) => {
    room.order = order;
  });
  return rooms;
}

function inUse({ capacity, allocated }: NodeSnapshot): number {
  const part = (used: number, of: number) => Math.min(1, share(used, of));
  return Math.max(
    part(allocated.cpu, capacity.cpu),
    part(allocated.memory, capacity.memory),
    part(allocated.gpuIds.length, capacity.gpu),
  );
}

/** May be below zero in a dimension, where a node has less than it once promised. */
export function freeOf(node: NodeSnapshot): Need {
  const free = needOf({ ...node.capacity, gpu: freeGpuIds(node).length });
  addTo(free, needOf({ cpu: node.allocated.cpu, memory: node.allocated.memory, gpu: 0 }), -1);
  return free;
}

/** The node as it would be without any session. */
export function emptied(node: NodeSnapshot): NodeSnapshot {
  return { ...node, allocated: { cpu: 0, memory: 0, gpuIds: [], containers: 0 } };
}

/** Code units, not a locale's order: the same everywhere. */
export function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
