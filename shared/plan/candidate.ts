/** Nodes with what planning derives from each of them once, and the order in which they are filled. */
import { type Need, needOf, share } from "./need.ts";
import type { NodeSnapshot } from "./plan.ts";

export interface Candidate {
  readonly node: NodeSnapshot;
  /** Below zero in a dimension where the node has less than it once promised. */
  readonly free: Need;
  /** What would be free if no session ran on it. */
  readonly whole: Need;
  /** The largest part of it that sessions hold, over cores, memory and GPUs: from 0 to 1. */
  readonly inUse: number;
}

export function candidateOf(node: NodeSnapshot): Candidate {
  const { capacity, allocated } = node;
  const ids = new Set(node.gpuIds);
  const whole = needOf({ cpu: capacity.cpu, memory: capacity.memory, gpu: Math.min(ids.size, capacity.gpu) });
  let gpusHeld = 0;
  for (const id of allocated.gpuIds) if (ids.delete(id)) gpusHeld++;
  const held = needOf({ cpu: allocated.cpu, memory: allocated.memory, gpu: gpusHeld });
  const free = {
    cpu: whole.cpu - held.cpu,
    memory: whole.memory - held.memory,
    gpu: Math.max(0, whole.gpu - held.gpu),
  };
  return { node, free, whole, inUse: inUse(node) };
}

/** The same node as it would be without any session. */
export function emptied({ node, whole }: Candidate): Candidate {
  const allocated = { cpu: 0, memory: 0, gpuIds: [], containers: 0 };
  return { node: { ...node, allocated }, free: whole, whole, inUse: 0 };
}

/** By the part in use, then the number of containers, then name and id: so that the order is the same for any input. */
export function emptiestFirst(a: Candidate, b: Candidate): number {
  return (
    a.inUse - b.inUse ||
    a.node.allocated.containers - b.node.allocated.containers ||
    compare(a.node.name, b.node.name) ||
    compare(a.node.id, b.node.id)
  );
}

function inUse({ capacity, allocated }: NodeSnapshot): number {
  const part = (used: number, of: number) => Math.min(1, share(used, of));
  return Math.max(
    part(allocated.cpu, capacity.cpu),
    part(allocated.memory, capacity.memory),
    part(allocated.gpuIds.length, capacity.gpu),
  );
}

/** Code units, not a locale's order: the same everywhere. */
export function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
