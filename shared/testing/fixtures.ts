/** Nodes, snapshots and specs for tests: simple defaults, overridden field by field. */

import { type AddressSpace, spaceOf } from "../network/address-space.ts";
import type { Facts } from "../node/node-schemas.ts";
import type { NodeSnapshot, Snapshot } from "../plan/plan.ts";
import { NOTHING_ALLOWED } from "../request/allowed.ts";
import { readSpec, type SessionSpec } from "../request/spec.ts";
import { DEFAULT_SETTINGS } from "../settings/settings.ts";

export const GiB = 2 ** 30;

/** Facts of a machine without GPUs. */
export const FACTS: Facts = {
  os: "Debian GNU/Linux 12",
  kernel: "6.1.0",
  arch: "x64",
  dockerVersion: "20.10.24",
  agentVersion: "0.1.0",
  mtu: 1500,
  addresses: [],
  allows: NOTHING_ALLOWED,
  ulimits: { memlock: "unlimited", nofile: 2 ** 20 },
  gpuIds: [],
  usedSubnets: [],
  usedVnis: [],
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
    usedVnis: [],
    mtu: 1500,
    allows: FACTS.allows,
    ulimits: FACTS.ulimits,
    ...over,
  };
}

/** The default settings' space, searched from its start. */
export const SPACE: AddressSpace = { ...spaceOf(DEFAULT_SETTINGS, "flt_test"), origin: 0 };

export function fleet(
  nodes: NodeSnapshot[],
  reserved: Partial<Snapshot["reserved"]> = {},
  space: Partial<AddressSpace> = {},
): Snapshot {
  return { nodes, reserved: { subnets: [], vnis: [], ...reserved }, space: { ...SPACE, ...space } };
}

/** A request parsed with the default limits. `image` is optional. */
export function specOf(request: object): SessionSpec {
  return readSpec({ image: "debian:12", ...request }, DEFAULT_SETTINGS);
}

/** `host1` to `hostN`. */
export function hosts(count: number, over: Partial<NodeSnapshot> = {}): NodeSnapshot[] {
  return Array.from({ length: count }, (_, i) => node(i + 1, over));
}
