/** Which nodes a session may use at all, whatever they have free. */

import { givesAll, notGiven } from "../node/ulimits.ts";
import { allowsAll, notAllowed } from "../request/allowed.ts";
import { type Candidate, compare } from "./candidate.ts";
import type { NodeSnapshot } from "./plan.ts";
import type { PlannedSpec } from "./planned-spec.ts";

export type Asked = Pick<PlannedSpec, "placement" | "reach" | "ulimits">;

/** Does it ask for anything that not every node may have? */
export function isPicky({ placement, reach, ulimits }: Asked): boolean {
  return reach !== undefined || ulimits !== undefined || Object.keys(placement.labels).length > 0;
}

/** Whether a node's labels, permissions and limits suit this spec. It need not be up. */
export function suits({ placement, reach, ulimits }: Asked): (node: NodeSnapshot) => boolean {
  const labels = Object.entries(placement.labels);
  return (node) =>
    labels.every(([key, value]) => node.labels[key] === value) &&
    (reach === undefined || allowsAll(reach, node.allows)) &&
    (ulimits === undefined || givesAll(ulimits, node.ulimits));
}

/** May anything be placed on it now? */
export function isOpen({ status, schedulable }: NodeSnapshot): boolean {
  return status === "ready" && schedulable;
}

/** Why a node is not usable; empty where it is. */
export function obstacles(node: NodeSnapshot, spec: Asked): string[] {
  const denied = notAllowed(spec.reach, node.allows);
  const short = notGiven(spec.ulimits, node.ulimits);
  return [
    ...(node.status === "ready" ? [] : [node.status]),
    ...(node.schedulable ? [] : ["cordoned"]),
    ...missingLabels(node, spec),
    ...(denied.length === 0 ? [] : [`does not allow ${denied.join(", ")}`]),
    ...(short.length === 0 ? [] : [`cannot give ${short.join(", ")}`]),
  ];
}

function missingLabels(node: NodeSnapshot, { placement }: Asked): string[] {
  return Object.entries(placement.labels).flatMap(([key, value]) => {
    if (!Object.hasOwn(node.labels, key)) return [`label ${key}=${value} is missing`];
    return node.labels[key] === value ? [] : [`label ${key} is ${node.labels[key]}, not ${value}`];
  });
}

/** `2 cordoned, 1 disconnected, 4 without the labels`: each unusable node counts once, for what is hardest to change. */
export function tally(candidates: readonly Candidate[], spec: Asked): string {
  const labelled = suits({ placement: spec.placement });
  const allowing = suits({ placement: spec.placement, ...(spec.reach ? { reach: spec.reach } : {}) });
  const suitable = suits(spec);
  const kindOf = (node: NodeSnapshot) => {
    if (!labelled(node)) return "without the labels";
    if (!allowing(node)) return "that does not allow it";
    if (!suitable(node)) return "that cannot give its ulimits";
    return node.status === "ready" ? "cordoned" : node.status;
  };
  const counts = new Map<string, number>();
  for (const { node } of candidates) {
    const kind = kindOf(node);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => compare(a, b))
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
}
