/** The plan's shape: the full answer to "what would run where", and what the planner needs to know to make one. */
import type { AddressSpace } from "../network/address-space.ts";
import type { NodeNetworks, PlannedNetwork, Reserved } from "../network/addressing.ts";
import type { Allowed, Capacity, NodeStatus } from "../node/node-schemas.ts";
import type { UlimitsView } from "../node/ulimits.ts";
import type { Limits } from "./limits.ts";

/** One node as the planner sees it. Never changed in place: a node that changed is another object. */
export interface NodeSnapshot extends NodeNetworks {
  id: string;
  name: string;
  status: NodeStatus;
  schedulable: boolean;
  labels: Record<string, string>;
  /** IPv4 that other nodes reach it at: its VTEP. */
  address: string;
  capacity: Capacity;
  /** What sessions hold on it, by their specs. */
  allocated: Pick<Capacity, "cpu" | "memory"> & { gpuIds: string[]; containers: number };
  /** Ids for Docker's device requests; `capacity.gpu` of them may be used. */
  gpuIds: string[];
  allows: Allowed;
  /** The most that its engine can give; undefined: not known. */
  ulimits?: UlimitsView | undefined;
}

/** Everything that planning depends on. */
export interface Snapshot {
  nodes: NodeSnapshot[];
  /** Networks that live sessions hold, over the whole fleet. */
  reserved: Reserved;
  space: AddressSpace;
}

export interface PlannedContainer {
  host: string;
  role: string;
  index: number;
  rank: number;
  nodeId: string;
  address: string;
  gpuIds: string[];
  limits: Limits;
}

export interface PlannedNode {
  id: string;
  name: string;
  /** IPv4 the overlay's packets are sent to. */
  vtep: string;
  /** This node's own address inside the subnet; no two nodes share one. The first of its containers with `hostNetwork` has the same. */
  gateway: string;
}

/** What the Fleet reserves and the Session carries out. Environment and images come from the spec. */
export interface Plan {
  network: PlannedNetwork;
  nodes: PlannedNode[];
  containers: PlannedContainer[];
}

/** Why a session cannot be planned now. */
export interface Refusal {
  reason: string;
  /** Too little room on the nodes, or no subnet or VNI that is free on all of them. */
  lacks: "room" | "network";
  /** The fleet as it is could not hold it even if no other session ran and all its nodes were usable. */
  never: boolean;
  /** One reason for each node, ordered by the nodes' names. Only made when called: O(nodes) texts. */
  nodes(): { node: string; reason: string }[];
}

export type Planning = { plan: Plan; refusal?: never } | { plan?: never; refusal: Refusal };
