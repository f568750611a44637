/** A session's network on this node: its firewall rules, Docker's bridge, and the overlay. */
import type { Assignment } from "../../shared/protocol/assignment.ts";
import { networkBody } from "../docker/bodies.ts";
import { networkName } from "../docker/docker-names.ts";
import { applyOnNode } from "../network/on-node.ts";
import { applyOverlay, NetworkConflict, removeOverlay } from "../network/overlay.ts";
import { removeOrphanedBridge } from "../network/sweep-links.ts";
import { type NodeContext, StepFailure } from "./context.ts";
import { guardedOf } from "./node-reach.ts";

/** Engines' messages when the subnet, the gateway or the bridge is in use (moby libnetwork, 20.10 to 28). */
const CONFLICT = /overlap|conflicts with network|address already in use|requested address is not available/i;

/** Makes or repairs the network; may be repeated at any time. `exists`: Docker has the network already. @throws StepFailure */
export async function provideNetwork(
  context: NodeContext,
  assignment: Assignment,
  exists: boolean,
): Promise<void> {
  const { docker, guard, owner, runner, allowed } = context;
  const { session, network, members, place } = assignment;
  const guarded = guardedOf(assignment, allowed);
  await guard.add([guarded]);
  try {
    if (!exists) await docker.createNetwork(networkBody(assignment, owner));
    await applyOnNode(runner, owner, guarded);
    if (network.driver === "overlay") await applyOverlay(runner, { owner, session, network, members, place });
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof NetworkConflict || CONFLICT.test(message)) {
      if (!(error instanceof NetworkConflict)) context.refused({ subnet: network.subnet });
      else if (error.used) context.refused(error.used);
      throw new StepFailure("network_conflict", `the network ${network.subnet} cannot be made: ${message}`);
    }
    throw new StepFailure("create", `the network cannot be made: ${message}`);
  }
}

/**
 * To be called when no container is left. Removes the VXLAN device first: without its bridge it would stay, and keep its VNI in use. A
 * network that the engine will not give up loses its bridge, and stays the engine's. Each later sweep tries again.
 */
export async function removeNetwork(context: NodeContext, session: string): Promise<void> {
  const { docker, owner, runner, log } = context;
  const name = networkName(owner, session);
  await removeOverlay(runner, owner, session);
  if (!(await docker.removeNetwork(name))) {
    log.warn(
      { session, network: name },
      "the engine counts a container that is gone: it keeps the network until it is restarted",
    );
  }
  await removeOrphanedBridge(runner, owner, session);
}
