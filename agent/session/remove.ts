/** Phase `removed`: removes containers, overlay device, network, files and firewall rules, in this order. A missing object is no error. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { LABELS } from "../../shared/protocol/names.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import { ownerLabels } from "../docker/docker-names.ts";
import type { DockerPort } from "../docker/port.ts";
import { type NodeContext, sessionDir } from "./context.ts";
import { exitReason } from "./exit.ts";
import type { Observed } from "./observed.ts";
import { removeNetwork } from "./session-network.ts";

const NO_FILES: ReadonlySet<string> = new Set();

/**
 * Removes everything of a session on this node, of any epoch. When `force` aborts, containers get SIGKILL at once, also those that are
 * stopping. Exit codes and last output are added to `observed`. The files named in `keep` stay in the session's directory.
 */
export async function removeSession(
  context: NodeContext,
  observed: Observed,
  force: AbortSignal,
  { progressed = () => {}, keep = NO_FILES }: { progressed?: () => void; keep?: ReadonlySet<string> } = {},
): Promise<void> {
  const { docker, owner, guard, logs } = context;
  const { session } = observed;
  const labels = { ...ownerLabels(owner), [LABELS.session]: session };
  const containers = await docker.containers(labels);
  const stopped = await Promise.allSettled(
    containers.map(async ({ id, labels: { [LABELS.host]: host = "" }, running }) => {
      if (running) await end(docker, id, force);
      await noteEnd(docker, id, host, observed, running);
      progressed();
      if (mayHaveRun(observed, host)) await logs.ended(session, host, id, force.aborted);
      await docker.remove(id);
    }),
  );
  for (const each of stopped) if (each.status === "rejected") throw each.reason;
  await removeNetwork(context, session);
  await removeFiles(sessionDir(context, session), keep);
  await guard.drop(session);
}

async function removeFiles(dir: string, keep: ReadonlySet<string>): Promise<void> {
  if (keep.size === 0) return await rm(dir, { recursive: true, force: true });
  const names = await readdir(dir).catch((): string[] => []);
  const gone = names.filter((name) => !keep.has(name));
  await Promise.all(gone.map((name) => rm(join(dir, name), { recursive: true, force: true })));
}

/** What this run of the agent knows nothing about may have run. */
function mayHaveRun(observed: Observed, host: string): boolean {
  const status = observed.container(host)?.status;
  return status !== "pending" && status !== "pulling" && status !== "prepared";
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

/** Notes exit code and output of an ended container, unless its end was noted before. `byUs`: the agent stopped it, so it needs no reason. */
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
  // A container that never ran has neither.
  if (container?.status !== "ended") return;
  const reason = byUs ? undefined : exitReason(container, output);
  const { exitCode } = container;
  observed.set(host, "exited", { containerId: id, exitCode, output, ...(reason ? { reason } : {}) });
}
