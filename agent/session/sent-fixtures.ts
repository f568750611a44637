/** Assignments for tests: on a bridge, without containers by default. */
import type { ContainerSpec, Layout, Part, SessionKeys } from "../../shared/protocol/assignment.ts";
import { type SentAssignment, sentAssignmentOf } from "./assignment-store.ts";
import type { NodeContext } from "./context.ts";

export const LAYOUT: Layout = {
  name: "one",
  network: { driver: "bridge", subnet: "10.64.0.0/24", mtu: 1500, port: 14789, egress: true },
  nodes: [["192.0.2.1", "10.64.0.254"]],
  roles: [],
  slots: [],
  members: [],
  env: {},
  launchers: {},
  logs: { bytes: 67_108_864, seconds: 604_800 },
};
export const PART: Part = { place: 0, containers: [], proof: { ssh: [], ping: [] } };

/** Containers print nothing. */
export const NO_LOGS: NodeContext["logs"] = {
  expect: async () => {},
  started() {},
  ended: async () => {},
  over: async () => {},
  keepOnly: async () => {},
};

export function sentOf(
  epoch: number,
  keys?: SessionKeys,
  containers: readonly ContainerSpec[] = [],
): SentAssignment {
  return sentAssignmentOf("ses_1", epoch, LAYOUT, { ...PART, containers: [...containers] }, keys);
}
