/** What a session's Docker objects are called on one node, and the labels that say whose they are. */
import { createHash } from "node:crypto";
import { LABELS } from "../../shared/protocol/names.ts";
import type { Assignment } from "../../shared/protocol/protocol.ts";
import type { Owner } from "../network/link-names.ts";

/** Of fleet, node and session: two fleets' agents may share an engine, and a session its nodes may share one, too. */
function shortName({ fleet, node }: Owner, session: string): string {
  return createHash("sha256").update([fleet, node, session].join("\0")).digest("hex").slice(0, 12);
}

export function networkName(owner: Owner, session: string): string {
  return `skein-${shortName(owner, session)}`;
}

export function containerName(owner: Owner, session: string, host: string): string {
  return `${networkName(owner, session)}-${host}`;
}

/** What all that an agent makes bears. */
export function ownerLabels({ fleet, node }: Owner): Record<string, string> {
  return { [LABELS.fleet]: fleet, [LABELS.node]: node };
}

/** `hash` is that of the assignment as it was sent. */
export function sessionLabels(
  owner: Owner,
  { session, epoch }: Pick<Assignment, "session" | "epoch">,
  hash: string,
): Record<string, string> {
  return {
    ...ownerLabels(owner),
    [LABELS.session]: session,
    [LABELS.epoch]: String(epoch),
    [LABELS.hash]: hash,
  };
}

/** Which session's which container a set of labels speaks of. */
export function seatOf(labels: Record<string, string>): { session: string; host: string } {
  return { session: labels[LABELS.session] ?? "", host: labels[LABELS.host] ?? "" };
}
