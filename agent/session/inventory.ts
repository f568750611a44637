/** All sessions that the node's engine and disk have something of. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { LABELS } from "../../shared/protocol/names.ts";
import { networkName, ownerLabels, sessionAndHostOf } from "../docker/docker-names.ts";
import type { Found } from "./adopt.ts";
import type { NodeContext } from "./context.ts";

/** All containers and networks with our fleet and node in their labels, by session. Two calls to the engine. */
export async function readInventory({
  docker,
  owner,
}: Pick<NodeContext, "docker" | "owner">): Promise<Map<string, Found>> {
  const [containers, networks] = await Promise.all([
    docker.containers(ownerLabels(owner)),
    docker.networks(),
  ]);
  const inventory = new Map<string, Found>();
  const of = (session: string) => {
    const found = inventory.get(session) ?? { containers: [] };
    inventory.set(session, found);
    return found;
  };
  for (const container of containers)
    of(sessionAndHostOf(container.labels).session).containers.push(container);
  for (const { labels } of networks) {
    const ours = labels[LABELS.fleet] === owner.fleet && labels[LABELS.node] === owner.node;
    if (ours) of(sessionAndHostOf(labels).session).network = labels;
  }
  return inventory;
}

/** Removes the directories of all other sessions, and so their stored assignments. Their logs stay until their retention is over. */
export async function sweepFiles(
  {
    sessionsDir,
    owner,
    assignments,
    logs,
  }: Pick<NodeContext, "sessionsDir" | "owner" | "assignments" | "logs">,
  keep: ReadonlySet<string>,
): Promise<void> {
  for (const session of assignments.sessions) if (!keep.has(session)) assignments.forget(session);
  await logs.keepOnly(keep);
  const kept = new Set([...keep].map((session) => networkName(owner, session)));
  const stale = (await readdir(sessionsDir)).filter((name) => !kept.has(name));
  await Promise.all(stale.map((name) => rm(join(sessionsDir, name), { recursive: true, force: true })));
}
