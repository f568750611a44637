/** What becomes of a session whose node is lost, or leaves the fleet. */
import type { FleetMessage } from "../platform/messages.ts";
import { failOrRetry, settle, terminate } from "./rules.ts";
import type { ContainerRow, SessionRecord, SessionStore } from "./session-store.ts";

type NodeLost = Extract<FleetMessage, { kind: "nodeLost" }>;

/**
 * A node whose lease is over. What it has a part in fails as a gang; or, where it runs and is to be kept, carries on
 * and shows that part as lost until the node reports again. Nobody waits for the node's word of removal any longer:
 * what it holds stays reserved until it gives it.
 */
export function nodeLost(
  store: SessionStore,
  record: SessionRecord,
  { node, name, seconds }: NodeLost,
  now: number,
): void {
  const part = store.partOf(node);
  if (!part) return;
  const reason = `node ${name} is lost: not heard of for ${seconds} s`;
  if (part.epoch === record.epoch) {
    if (record.status === "running" && store.spec().onNodeLoss === "keep") {
      record.lost = { ...record.lost, [node]: reason };
      return;
    }
    const held = sayHosts(store.containersOn(node));
    const remedy = "see that the machine is up, its agent runs, and it reaches the API";
    failOrRetry(store, record, [node], `${reason}, and it held ${held}; ${remedy}`, now);
  }
  // Asked once more whether it is really away, then given up.
  if (record.giveUpAt !== null) record.giveUpAt = Math.min(record.giveUpAt, now);
}

/** A node that left the fleet: it confirms nothing any more, and what needs it fails. */
export function nodeGone(
  store: SessionStore,
  record: SessionRecord,
  node: string,
  name: string,
  now: number,
): void {
  const part = store.partOf(node);
  if (!part) return;
  store.setAbsent(node);
  const hosts = part.epoch === record.epoch ? store.containersOn(node) : [];
  if (hosts.length > 0) {
    const reason = `node ${name} was removed from the fleet by force while it held ${sayHosts(hosts)}`;
    terminate(store, record, "failed", reason, now);
  }
  settle(store, record);
}

function sayHosts(hosts: ContainerRow[]): string {
  return hosts.length === 1 ? hosts[0]!.host : `${hosts[0]!.host} and ${hosts.length - 1} more`;
}
