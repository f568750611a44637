/** Nodes as text for people. */

import type { Node } from "../sdk/index.ts";
import { sayUlimits } from "../shared/node/ulimits.ts";
import { formatBytes } from "../shared/text/units.ts";
import { facts, table } from "./table.ts";
import { colored, joined, type Text, text } from "./terminal-text.ts";

/** `ready`, or why it takes no sessions. */
function state(node: Node): Text {
  return node.schedulable ? colored(node.status) : text`${colored(node.status)},${colored("cordoned")}`;
}

/** A row per node: allocated resources and capacity. */
export function nodeTable(nodes: readonly Node[]): Text {
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
export function nodeText(node: Node): Text {
  const known = node.facts;
  const rows = facts(
    [
      ["id", node.id],
      ["last seen", node.lastSeenAt ?? "never"],
      ["system", `${known.os}, kernel ${known.kernel}, ${known.arch}`],
      ["docker", known.dockerVersion],
      ["agent", known.agentVersion],
      ["MTU", String(known.mtu)],
      ["allows", allows(known.allows) || "nothing of its own"],
      ["ulimits", known.ulimits ? `at most ${sayUlimits(known.ulimits)}` : "not known"],
      ["also at", known.addresses.join(", ") || "-"],
      ["GPU ids", known.gpuIds.join(", ") || "-"],
      ["used subnets", known.usedSubnets.join(", ") || "-"],
    ],
    14,
  );
  return joined([nodeTable([node]), rows], "\n\n");
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
