/** A session's network on this node: the firewall around it, Docker's bridge, and the overlay over that. */
import type { Assignment } from "../../shared/protocol/protocol.ts";
import { networkBody } from "../docker/bodies.ts";
import { networkName } from "../docker/docker-names.ts";
import { applyOverlay, NetworkConflict, removeOverlay } from "../network/overlay.ts";
import { addAddresses, removeOrphanedBridge } from "../network/sweep-links.ts";
import { type NodeContext, StepFailure } from "./context.ts";
import { guardedOf } from "./node-reach.ts";

/** What engines say when subnet, gateway or bridge are in use by something else (moby libnetwork, 20.10 to 28). */
const CONFLICT = /overlap|conflicts with network|address already in use|requested address is not available/i;

/** Also again at any time: what is there already stays, what is missing in it is mended. `exists`: Docker has the network. */
export async function provideNetwork(
  context: NodeContext,
  assignment: Assignment,
  hash: string,
  exists: boolean,
): Promise<void> {
  const { docker, guard, owner, runner, allowed } = context;
  const { session, network, members } = assignment;
  const guarded = guardedOf(assignment, allowed);
  await guard.add([guarded]);
  try {
    if (!exists) await docker.createNetwork(networkBody(assignment, owner, hash));
    await addAddresses(runner, owner, session, guarded.onNode ?? []);
    if (network.driver === "overlay") await applyOverlay(runner, { owner, session, network, members });
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof NetworkConflict || CONFLICT.test(message)) {
      if (!(error instanceof NetworkConflict)) context.refused(network.subnet);
      throw new StepFailure("network_conflict", `the network ${network.subnet} cannot be made: ${message}`);
    }
    throw new StepFailure("create", `the network cannot be made: ${message}`);
  }
}

/** With the VXLAN device first: without its bridge it would stay, and keep its VNI busy. To be called when no container is left. */
export async function removeNetwork({ docker, owner, runner }: NodeContext, session: string): Promise<void> {
  await removeOverlay(runner, owner, session);
  await docker.removeNetwork(networkName(owner, session));
  await removeOrphanedBridge(runner, owner, session);
}
