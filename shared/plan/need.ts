/** What containers need and nodes have, in whole numbers, and the words for a shortage. */

import type { Capacity } from "../node/node-schemas.ts";
import type { Resources } from "../request/resources.ts";
import { formatBytes } from "../text/units.ts";
import type { NodeSnapshot } from "./plan.ts";

/** Nano-cores (Docker's own unit), bytes, GPUs. Whole numbers, so that 0.1 + 0.2 cores fit in 0.3. 0: not needed. */
export interface Need {
  cpu: number;
  memory: number;
  gpu: number;
}

const NANO = 1e9;
const DIMENSIONS = ["cpu", "memory", "gpu"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export function needOf({ cpu = 0, memory = 0, gpu = 0 }: Resources | Capacity): Need {
  return { cpu: Math.round(cpu * NANO), memory, gpu };
}

export function sumOf(parts: readonly (readonly [need: Need, times: number])[]): Need {
  const sum = { cpu: 0, memory: 0, gpu: 0 };
  for (const [need, times] of parts) addTo(sum, need, times);
  return sum;
}

/** Adds `times` × `need` to `sum`, in place. */
export function addTo(sum: Need, need: Need, times: number): void {
  sum.cpu += times * need.cpu;
  sum.memory += times * need.memory;
  sum.gpu += times * need.gpu;
}

/** A dimension that is not needed may be overdrawn: a node whose capacity shrank still takes containers without limits. */
export function fits(need: Need, free: Need): boolean {
  return (
    (need.cpu === 0 || need.cpu <= free.cpu) &&
    (need.memory === 0 || need.memory <= free.memory) &&
    (need.gpu === 0 || need.gpu <= free.gpu)
  );
}

/** How often `need` fits into `free`; Infinity when nothing is needed. */
export function timesIn(need: Need, free: Need): number {
  let times = Infinity;
  if (need.cpu > 0) times = Math.min(times, Math.floor(free.cpu / need.cpu));
  if (need.memory > 0) times = Math.min(times, Math.floor(free.memory / need.memory));
  if (need.gpu > 0) times = Math.min(times, Math.floor(free.gpu / need.gpu));
  return Math.max(0, times);
}

/** The largest part of a node or fleet that a need takes, over all dimensions. */
export function dominantShare(need: Need, of: Need): number {
  return Math.max(...DIMENSIONS.map((key) => share(need[key], of[key])));
}

export function share(need: number, of: number): number {
  if (need <= 0) return 0;
  return of <= 0 ? Infinity : need / of;
}

export function shortDimensions(need: Need, free: Need): Dimension[] {
  return DIMENSIONS.filter((key) => need[key] > 0 && need[key] > free[key]);
}

/** The ids for Docker's device requests that are still free, in order. At most `capacity.gpu` of `gpuIds` are ever in use. */
export function freeGpuIds({ gpuIds, capacity, allocated }: NodeSnapshot): string[] {
  const taken = new Set(allocated.gpuIds);
  const all = new Set(gpuIds);
  const free = [...all].filter((id) => !taken.has(id));
  return free.slice(0, Math.max(0, capacity.gpu - (all.size - free.length)));
}

/** `4 cores`, `512MiB of memory`, `2 gpus`. */
export function sayNeed(key: Dimension, amount: number): string {
  if (key === "cpu") return `${amount / NANO} ${amount === NANO ? "core" : "cores"}`;
  if (key === "memory") return `${formatBytes(amount, Math.ceil)} of memory`;
  return `${amount} ${amount === 1 ? "gpu" : "gpus"}`;
}

/** An amount without its unit's name: `1.5`, `200MiB`, `1`. Below zero reads `0`. */
export function sayAmount(key: Dimension, amount: number): string {
  const there = Math.max(0, amount);
  if (key === "cpu") return String(there / NANO);
  return key === "memory" ? formatBytes(there, Math.floor) : String(there);
}

/** `4 cores and 512MiB of memory`; `nothing` when no limit was asked for. */
export function sayAll(need: Need): string {
  const parts = DIMENSIONS.filter((key) => need[key] > 0).map((key) => sayNeed(key, need[key]));
  return parts.length === 0 ? "nothing" : parts.join(" and ");
}
