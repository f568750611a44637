/** After a restart of the agent: finds what an earlier run made for this assignment, and which phase it reached. */
import { setTimeout as delay } from "node:timers/promises";
import { LABELS } from "../../shared/protocol/names.ts";
import { backoff } from "../backoff.ts";
import { ownerLabels } from "../docker/docker-names.ts";
import type { ListedContainer } from "../docker/port.ts";
import { gateIsOpen, loadPrepared } from "./container-record.ts";
import { sessionDir } from "./context.ts";
import type { SessionTask } from "./prepare.ts";
import type { Restarts } from "./restarts.ts";
import { provideNetwork } from "./session-network.ts";

/** The containers and the network of one session in the engine, by their labels. */
export interface Found {
  containers: ListedContainer[];
  /** The labels of the network, if there is one. */
  network?: Record<string, string>;
}

/** The epochs in the labels, each once; 0 for labels without an epoch. */
export function epochsOf({ containers, network }: Found): number[] {
  const all = [...containers.map(({ labels }) => labels), ...(network ? [network] : [])];
  return [...new Set(all.map((labels) => Number(labels[LABELS.epoch]) || 0))];
}

const RETRIES = 5;

/**
 * Adopts what is there. Retries, since a running session must not end because the engine was busy when the agent came back. Resolves to
 * the engine's containers afterwards: one that ended meanwhile was still running in `found`.
 */
export async function takeOver(
  task: SessionTask,
  restarts: Restarts,
  found: Found,
  signal: AbortSignal,
): Promise<ListedContainer[]> {
  const { docker, owner } = task.context;
  const labels = { ...ownerLabels(owner), [LABELS.session]: task.assignment.session };
  await restarts.load(task.assignment.containers);
  await task.context.logs.expect(task.assignment);
  for (let failures = 0; ; failures++) {
    try {
      await adopt(task, restarts, found);
      return await docker.containers(labels);
    } catch (error) {
      signal.throwIfAborted();
      if (failures === RETRIES) throw error;
      await delay(backoff(failures, Math.random()));
    }
  }
}

/** Fills in `observed`. A container that was completely prepared stays; another one is removed. */
async function adopt(task: SessionTask, restarts: Restarts, found: Found): Promise<void> {
  const { context, assignment, observed } = task;
  const dir = sessionDir(context, assignment.session);
  const byHost = new Map(found.containers.map((container) => [container.labels[LABELS.host], container]));
  const opened = await Promise.all(
    assignment.containers.map(async (spec) => {
      const { host } = spec;
      const [prepared, open] = await Promise.all([loadPrepared(dir, host), gateIsOpen(dir, host)]);
      const container = byHost.get(host);
      if (container && prepared?.containerId === container.id) {
        observed.prepared.set(host, prepared);
        observed.set(host, "prepared", { containerId: container.id });
        const reason = restarts.reasonOf(spec);
        if (container.running) context.logs.started(assignment.session, host, container.id);
        if (container.running) observed.set(host, open ? "running" : "started", reason ? { reason } : {});
      } else if (container) {
        await context.docker.remove(container.id);
      } else if (open) {
        observed.set(host, "lost", { reason: "somebody else removed it" });
      }
      return open;
    }),
  );
  observed.networkExists = found.network !== undefined;
  // After a reboot the kernel has no overlay and no firewall.
  if (found.network) await provideNetwork(context, assignment, true);
  const all = assignment.containers.length;
  observed.gatesOpen = opened.some(Boolean);
  if (observed.gatesOpen && opened.every(Boolean)) observed.phase = "running";
  // The agent was opening the gates, so everything is proven. A command that has run must not run again.
  else if (observed.gatesOpen) observed.phase = "started";
  else if (found.network && observed.prepared.size === all) observed.phase = "prepared";
}
