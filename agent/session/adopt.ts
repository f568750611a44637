/** After an agent's restart: what of an assignment is there already, and how far it had come. */
import { setTimeout as delay } from "node:timers/promises";
import { LABELS } from "../../shared/protocol/names.ts";
import { ownerLabels } from "../docker/docker-names.ts";
import type { ListedContainer } from "../docker/port.ts";
import { backoff } from "../link/backoff.ts";
import { gateIsOpen, loadPrepared } from "./container-record.ts";
import { sessionDir } from "./context.ts";
import type { Part } from "./prepare.ts";
import type { Restarts } from "./restarts.ts";
import { provideNetwork } from "./session-network.ts";

/** What the engine has of one session, by its labels. */
export interface Found {
  containers: ListedContainer[];
  /** Labels of the network, where there is one. */
  network?: Record<string, string>;
}

/** Whether all of it was made for this assignment. */
export function isOf(found: Found, { assignment, hash }: Pick<Part, "assignment" | "hash">): boolean {
  const all = [...found.containers.map(({ labels }) => labels), ...(found.network ? [found.network] : [])];
  return all.every(
    (labels) => labels[LABELS.hash] === hash && labels[LABELS.epoch] === String(assignment.epoch),
  );
}

const RETRIES = 5;

/**
 * Adopts, several times if need be: a session that runs must not end because the engine was busy when the agent came back. Answers what the
 * engine has after that: what ended meanwhile was running in `found`.
 */
export async function takeOver(
  part: Part,
  restarts: Restarts,
  found: Found,
  signal: AbortSignal,
): Promise<ListedContainer[]> {
  const { docker, owner } = part.context;
  const labels = { ...ownerLabels(owner), [LABELS.session]: part.assignment.session };
  await restarts.load(part.assignment.containers);
  for (let failures = 0; ; failures++) {
    try {
      await adopt(part, restarts, found);
      return await docker.containers(labels);
    } catch (error) {
      signal.throwIfAborted();
      if (failures === RETRIES) throw error;
      await delay(backoff(failures, Math.random()));
    }
  }
}

/** Fills in `observed`: what was prepared to its end stays, what was not is removed. */
async function adopt(part: Part, restarts: Restarts, found: Found): Promise<void> {
  const { context, assignment, hash, observed } = part;
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
        if (container.running) observed.set(host, open ? "running" : "started", reason ? { reason } : {});
      } else if (container) {
        await context.docker.remove(container.id);
      } else if (open) {
        observed.set(host, "lost", { reason: "it was removed from outside" });
      }
      return open;
    }),
  );
  // A machine that was started anew has lost what was in its kernel.
  if (found.network) await provideNetwork(context, assignment, hash, true);
  const all = assignment.containers.length;
  observed.gatesOpen = opened.some(Boolean);
  if (opened.every(Boolean)) observed.phase = "running";
  // It was opening them, so all is proven; and what has run must not run again.
  else if (observed.gatesOpen) observed.phase = "started";
  else if (found.network && observed.prepared.size === all) observed.phase = "prepared";
}
