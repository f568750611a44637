/** Nodes and snapshots for tests: plain, roomy, and overridden field by field. */

import type { Facts } from "../node/node-schemas.ts";
import type { NodeSnapshot, Snapshot } from "../plan/plan.ts";
import { NOTHING_ALLOWED } from "../request/allowed.ts";

export const GiB = 2 ** 30;

/** Of a machine without GPUs. */
export const FACTS: Facts = {
  os: "Debian GNU/Linux 12",
  kernel: "6.1.0",
  arch: "x64",
  dockerVersion: "20.10.24",
  agentVersion: "0.1.0",
  mtu: 1500,
  addresses: [],
  allows: NOTHING_ALLOWED,
  gpuIds: [],
  usedSubnets: [],
};

/** `node_1`, named `host1`: 4 cores, 8 GiB, 2 GPUs, empty. */
export function node(number: number, over: Partial<NodeSnapshot> = {}): NodeSnapshot {
  return {
    id: `node_${number}`,
    name: `host${number}`,
    status: "ready",
    schedulable: true,
    labels: {},
    address: `192.0.2.${number % 256}`,
    capacity: { cpu: 4, memory: 8 * GiB, gpu: 2 },
    allocated: { cpu: 0, memory: 0, gpuIds: [], containers: 0 },
    gpuIds: ["gpu-0", "gpu-1"],
    usedSubnets: ["172.17.0.0/16", "192.0.2.0/24"],
    mtu: 1500,
    allows: FACTS.allows,
    ...over,
  };
}

export function fleet(nodes: NodeSnapshot[], reserved: Partial<Snapshot["reserved"]> = {}): Snapshot {
  return { nodes, reserved: { subnets: [], vnis: [], ...reserved } };
}

/** `host1` to `hostN`. */
export function hosts(count: number, over: Partial<NodeSnapshot> = {}): NodeSnapshot[] {
  return Array.from({ length: count }, (_, i) => node(i + 1, over));
}
