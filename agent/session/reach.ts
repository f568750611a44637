/** What a container is to have of its node itself. The API has asked this node before; that it is right here is not left to the API. */
import { notAllowed } from "../../shared/allowed.ts";
import type { Allowed } from "../../shared/node-schemas.ts";
import type { ContainerSpec } from "../../shared/protocol.ts";
import type { Survey } from "../ssh/survey.ts";

/** Before it is made. Throws where this node does not allow it. */
export function refuseReach(spec: ContainerSpec, allowed: Allowed): void {
  const denied = notAllowed([spec], allowed);
  if (denied.length > 0) throw new Error(`this node does not allow ${denied.join(", ")}`);
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
