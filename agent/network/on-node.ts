/** A session's bridge on a node that has some of its containers on its own network. */
import type { Runner } from "../host/runner.ts";
import type { GuardedSession } from "./firewall.ts";
import { batch } from "./iproute.ts";
import { linkAlias, linkNames, type Owner } from "./link-names.ts";

/**
 * Says whose the bridge is, and gives it the addresses of those containers. The first one has it already: it is the gateway. To be called
 * after Docker made the bridge, and again at any time. All goes with the bridge.
 */
export async function applyOnNode(
  runner: Runner,
  owner: Owner,
  { session, network, onNode = [] }: GuardedSession,
): Promise<void> {
  if (onNode.length === 0) return;
  const { bridge } = linkNames(owner, session, true);
  await batch(runner, "ip", [
    `link set dev ${bridge} alias ${linkAlias(owner, session)}`,
    ...onNode
      .filter((address) => address !== network.gateway)
      .map((address) => `address replace ${address}/32 dev ${bridge}`),
  ]);
}
