/** Phase `removed`: containers, overlay device, network, files, firewall, in this order. "Not there" is success. */
import { rm } from "node:fs/promises";
import { LABELS } from "../../shared/protocol/names.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import { ownerLabels } from "../docker/docker-names.ts";
import type { DockerPort } from "../docker/port.ts";
import { type NodeContext, sessionDir } from "./context.ts";
import { exitReason } from "./exit.ts";
import type { Observed } from "./observed.ts";
import { removeNetwork } from "./session-network.ts";

/**
 * Takes away all of a session on this node, whatever its epoch. `force` aborted: SIGKILL at once, also for what is being stopped already.
 * Exit codes and last output go into `observed`.
 */
export async function removeSession(
  context: NodeContext,
  observed: Observed,
  force: AbortSignal,
  progressed: () => void = () => {},
): Promise<void> {
  const { docker, owner, guard } = context;
  const { session } = observed;
  const labels = { ...ownerLabels(owner), [LABELS.session]: session };
  const containers = await docker.containers(labels);
  const stopped = await Promise.allSettled(
    containers.map(async ({ id, labels: { [LABELS.host]: host = "" }, running }) => {
      if (running) await end(docker, id, force);
      await noteEnd(docker, id, host, observed, running);
      progressed();
      await docker.remove(id);
    }),
  );
  for (const each of stopped) if (each.status === "rejected") throw each.reason;
  await removeNetwork(context, session);
  await rm(sessionDir(context, session), { recursive: true, force: true });
  await guard.drop(session);
}

async function end(docker: DockerPort, id: string, force: AbortSignal): Promise<void> {
  if (force.aborted) return await docker.kill(id);
  const kill = () => void docker.kill(id).catch(() => {});
  force.addEventListener("abort", kill);
  try {
    await docker.stop(id, CONSTANTS.stopSeconds);
  } finally {
    force.removeEventListener("abort", kill);
  }
}

/** Reads what is left to be known of an ended container, unless that was done when it ended. `byUs`: no reason needs to be looked for. */
async function noteEnd(
  docker: DockerPort,
  id: string,
  host: string,
  observed: Observed,
  byUs: boolean,
): Promise<void> {
  const known = observed.container(host);
  if (known?.status === "exited") return;
  const [container, output] = await Promise.all([
    docker.container(id),
    docker.outputTail(id, CONSTANTS.outputBytes),
  ]);
  // One that never ran has nothing to tell.
  if (container?.status !== "ended") return;
  const reason = byUs ? undefined : exitReason(container, output);
  const { exitCode } = container;
  observed.set(host, "exited", { containerId: id, exitCode, output, ...(reason ? { reason } : {}) });
}
