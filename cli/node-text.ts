/** Nodes as text for people. */

import type { Node } from "../sdk/index.ts";
import { formatBytes } from "../shared/text/units.ts";
import { colored, table } from "./table.ts";

/** `ready`, or why it takes no sessions. */
function state(node: Node): string {
  return node.schedulable ? colored(node.status) : `${colored(node.status)},${colored("cordoned")}`;
}

/** A row per node: allocated resources and capacity. */
export function nodeTable(nodes: readonly Node[]): string {
  return table(
    ["NAME", "STATUS", "ADDRESS", "CPU", "MEMORY", "GPU", "LABELS"],
    nodes
      .toSorted(byName)
      .map((node) => [
        node.name,
        state(node),
        node.address,
        `${node.allocated.cpu}/${node.capacity.cpu}`,
        `${formatBytes(node.allocated.memory)}/${formatBytes(node.capacity.memory, Math.floor)}`,
        `${node.allocated.gpu}/${node.capacity.gpu}`,
        labels(node) || "-",
      ]),
  );
}

/** Everything about one node. */
export function nodeText(node: Node): string {
  const { facts } = node;
  return [
    nodeTable([node]),
    "",
    ...[
      ["id", node.id],
      ["last seen", node.lastSeenAt ?? "never"],
      ["system", `${facts.os}, kernel ${facts.kernel}, ${facts.arch}`],
      ["docker", facts.dockerVersion],
      ["agent", facts.agentVersion],
      ["MTU", String(facts.mtu)],
      ["allows", allows(facts.allows) || "nothing of its own"],
      ["also at", facts.addresses.join(", ") || "-"],
      ["GPU ids", facts.gpuIds.join(", ") || "-"],
      ["used subnets", facts.usedSubnets.join(", ") || "-"],
    ].map(([what, value]) => `${what!.padEnd(14)}${value}`),
  ].join("\n");
}

/** `node10` after `node9`. */
function byName(a: Node, b: Node): number {
  return a.name.localeCompare(b.name, "en", { numeric: true });
}

/** In the form of `skein agent --allow`. */
function allows({ mounts, devices, privileged, hostNetwork }: Node["facts"]["allows"]): string {
  return [
    ...mounts.map(({ source, readOnly }) => `mount=${source}${readOnly ? "" : ":rw"}`),
    ...devices.map((path) => `device=${path}`),
    ...(privileged ? ["privileged"] : []),
    ...(hostNetwork ? ["host-network"] : []),
  ].join(", ");
}

function labels(node: Node): string {
  return Object.entries(node.labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}
