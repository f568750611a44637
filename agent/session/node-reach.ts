/** Checks what a container may use of its node: mounts, devices, privileges, the network. The API checks it too, but the node decides. */

import { cidrsOverlap } from "../../shared/network/ipv4.ts";
import type { Allowed } from "../../shared/node/node-schemas.ts";
import type { Assignment, ContainerSpec } from "../../shared/protocol/assignment.ts";
import { notAllowed, reachOf } from "../../shared/request/allowed.ts";
import type { GuardedSession } from "../network/firewall.ts";
import { type Survey, sshDir } from "../ssh/survey.ts";
import { StepFailure } from "./context.ts";

/** To be called before anything is made. @throws StepFailure when this node does not allow it. */
export function refuseReach({ containers, network }: Assignment, allowed: Allowed): void {
  for (const spec of containers) {
    const denied = notAllowed(reachOf([spec]), allowed);
    if (denied.length > 0)
      throw new StepFailure("create", `this node does not allow ${denied.join(", ")}`, spec.host);
    // For other containers Docker checks this.
    if (spec.hostNetwork && !cidrsOverlap(spec.address, network.subnet))
      throw new StepFailure("create", `its address ${spec.address} is not in ${network.subnet}`, spec.host);
  }
}

/** What the firewall needs to know of a session. */
export function guardedOf({ session, network, containers }: Assignment, allowed: Allowed): GuardedSession {
  const onNode = containers.filter(
    (spec) => spec.hostNetwork && notAllowed(reachOf([spec]), allowed).length === 0,
  );
  return { session, network, onNode: onNode.map(({ address }) => address) };
}

/** To be called once the container's user is known. @throws Error when SSH would not work with this user. */
export function refuseUnderSsh(
  { hostNetwork, mounts = [] }: ContainerSpec,
  { account, homes }: Survey,
): void {
  if (hostNetwork && account.uid !== 0) {
    throw new Error(
      `with hostNetwork its user must be root, and is ${account.user}: only root may serve SSH on port 22 of the node's network`,
    );
  }
  // The keys would be written to the node: they would outlive the session, and every container with that mount could read them.
  for (const { path } of homes) {
    const ssh = sshDir(path);
    const over = mounts.find(({ target }) => isWithin(ssh, target) || isWithin(target, ssh));
    if (over) {
      throw new Error(
        `nothing can be mounted at ${over.target}: the keys of its user ${account.user} go to ${ssh}`,
      );
    }
  }
}

/** The variable HOME of a container, as Docker gets it. `undefined` when it has none, or when HOME is in one of the container's mounts. */
export function homeVariable(
  { env, mounts = [] }: ContainerSpec,
  imageEnv: readonly string[],
): string | undefined {
  const home = env["HOME"] ?? imageEnv.findLast((entry) => entry.startsWith("HOME="))?.slice("HOME=".length);
  // Its user's own files are there, perhaps for many sessions: no place for a session's keys.
  return home && mounts.some(({ target }) => isWithin(home, target) || isWithin(target, sshDir(home)))
    ? undefined
    : home;
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
