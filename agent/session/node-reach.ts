/** What a container is to have of its node itself. The API has asked this node before; that it is right here is not left to the API. */

import { cidrsOverlap } from "../../shared/network/ipv4.ts";
import type { Allowed } from "../../shared/node/node-schemas.ts";
import type { Assignment, ContainerSpec } from "../../shared/protocol/protocol.ts";
import { notAllowed, reachOf } from "../../shared/request/allowed.ts";
import type { GuardedSession } from "../network/firewall.ts";
import type { Survey } from "../ssh/survey.ts";
import { StepFailure } from "./context.ts";

/** Before anything is made. Throws where this node does not allow it. */
export function refuseReach({ containers, network }: Assignment, allowed: Allowed): void {
  for (const spec of containers) {
    const denied = notAllowed(reachOf([spec]), allowed);
    if (denied.length > 0)
      throw new StepFailure("create", `this node does not allow ${denied.join(", ")}`, spec.host);
    // Docker would say so of all others.
    if (spec.hostNetwork && !cidrsOverlap(spec.address, network.subnet))
      throw new StepFailure("create", `its address ${spec.address} is not in ${network.subnet}`, spec.host);
  }
}

/** A session as the firewall takes it. */
export function guardedOf({ session, network, containers }: Assignment, allowed: Allowed): GuardedSession {
  const onNode = containers.filter(
    (spec) => spec.hostNetwork && notAllowed(reachOf([spec]), allowed).length === 0,
  );
  return { session, network, onNode: onNode.map(({ address }) => address) };
}

/** When its user is known. Throws where SSH could not work with it. */
export function refuseUnderSsh({ hostNetwork, mounts = [] }: ContainerSpec, { account }: Survey): void {
  if (hostNetwork && account.uid !== 0) {
    throw new Error(
      `with hostNetwork its user must be root, and is ${account.user}: on the node's network nobody else may serve SSH on port 22`,
    );
  }
  // Keys would be written to the node, where they outlive the session and are shared by all that mount it.
  const ssh = `${account.home.replace(/\/$/, "")}/.ssh`;
  const over = mounts.find(({ target }) => isWithin(ssh, target) || isWithin(target, ssh));
  if (over) {
    throw new Error(
      `nothing can be mounted at ${over.target}: the keys of its user ${account.user} go to ${ssh}`,
    );
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
