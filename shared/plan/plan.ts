/** The plan's shape: the full answer to "what would run where", and what the planner needs to know to make one. */

import type { Allowed, Capacity } from "../node/node-schemas.ts";
import type { NodeStatus } from "../session/lifecycle.ts";
import type { NetworkView } from "../session/session-schemas.ts";

/** One node as the planner sees it. `allocated` counts what sessions hold on it, by their specs. */
export interface NodeSnapshot {
  id: string;
  name: string;
  status: NodeStatus;
  schedulable: boolean;
  labels: Record<string, string>;
  /** IPv4 that other nodes reach it at: its VTEP. */
  address: string;
  capacity: Capacity;
  allocated: Pick<Capacity, "cpu" | "memory"> & { gpuIds: string[]; containers: number };
  /** Ids for Docker's device requests; `capacity.gpu` of them may be used. */
  gpuIds: string[];
  /** CIDRs a session's subnet must not overlap. */
  usedSubnets: string[];
  /** Bytes. */
  mtu: number;
  allows: Allowed;
}

/** All that planning depends on. */
export interface Snapshot {
  nodes: NodeSnapshot[];
  /** Subnets and VNIs that live sessions hold, over the whole fleet. */
  reserved: { subnets: string[]; vnis: number[] };
}

export interface PlannedContainer {
  host: string;
  role: string;
  index: number;
  rank: number;
  nodeId: string;
  address: string;
  gpuIds: string[];
}

export interface PlannedNode {
  id: string;
  name: string;
  /** IPv4 the overlay's packets are sent to. */
  vtep: string;
  /** This node's own address inside the subnet; no two nodes share one. */
  gateway: string;
}

/** What the Fleet reserves and the Session carries out. Environment and images come from the spec. */
export interface Plan {
  network: NetworkView;
  nodes: PlannedNode[];
  containers: PlannedContainer[];
}

/** Why not. `never`: the fleet as it is could not hold it even when empty. */
export interface Refusal {
  reason: string;
  never: boolean;
  nodes: { node: string; reason: string }[];
}

export type Planning = { plan: Plan; refusal?: never } | { plan?: never; refusal: Refusal };
