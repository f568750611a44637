/** Names and labels of a session's Docker objects on one node. */
import { createHash } from "node:crypto";
import type { Assignment } from "../../shared/protocol/assignment.ts";
import { LABELS } from "../../shared/protocol/names.ts";
import type { Owner } from "../network/link-names.ts";

/** A hash of fleet, node and session: agents of two fleets, or two nodes of one session, may share an engine. */
function shortName({ fleet, node }: Owner, session: string): string {
  return createHash("sha256").update([fleet, node, session].join("\0")).digest("hex").slice(0, 12);
}

export function networkName(owner: Owner, session: string): string {
  return `skein-${shortName(owner, session)}`;
}

export function containerName(owner: Owner, session: string, host: string): string {
  return `${networkName(owner, session)}-${host}`;
}

/** The labels of everything that an agent makes. */
export function ownerLabels({ fleet, node }: Owner): Record<string, string> {
  return { [LABELS.fleet]: fleet, [LABELS.node]: node };
}

/** Session and epoch identify what was made. An agent adopts objects of the wanted epoch, and removes those of another. */
export function sessionLabels(
  owner: Owner,
  { session, epoch }: Pick<Assignment, "session" | "epoch">,
): Record<string, string> {
  return { ...ownerLabels(owner), [LABELS.session]: session, [LABELS.epoch]: String(epoch) };
}

/** The session and host in a set of labels; empty where they are missing. */
export function sessionAndHostOf(labels: Record<string, string>): { session: string; host: string } {
  return { session: labels[LABELS.session] ?? "", host: labels[LABELS.host] ?? "" };
}
