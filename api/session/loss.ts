/** How a session reacts when its node is lost, leaves the fleet, or is disconnected during a removal. */
import { isRemoving, needsNodes, type SessionRecord } from "../../shared/session/session-record.ts";
import { transition } from "../../shared/session/transition.ts";
import type { ToSession } from "../platform/messages.ts";
import type { ContainerRow } from "./container-table.ts";
import type { PartRow } from "./part-table.ts";
import { checkRemoved, failOrReplan, terminate } from "./removal.ts";
import type { SessionStore } from "./session-store.ts";

type NodeLost = Extract<ToSession, { kind: "nodeLost" }>;

/** After giving up disconnected nodes, a removal asks again after this time whether the others are still connected. */
const ASK_AGAIN_MS = 10_000;

/**
 * A node's lease is over. A session that needs it fails as a gang, or goes on (`onNodeLoss: "keep"`) and shows the node's containers as
 * lost until it reports again. A removal no longer waits for it; its resources stay reserved until it confirms.
 */
export function nodeLost(
  store: SessionStore,
  record: SessionRecord,
  message: NodeLost,
  now: number,
): SessionRecord {
  const part = store.parts.of(message.node);
  if (!part) return record;
  const next = needsPart(record, part) ? failOrKeep(store, record, message, now) : record;
  // The alarm asks once more whether the node is connected, then gives it up.
  return isRemoving(next) ? transition(next, { kind: "graceEnded", at: now }) : next;
}

function failOrKeep(
  store: SessionStore,
  record: SessionRecord,
  { node, name, seconds }: NodeLost,
  now: number,
): SessionRecord {
  const what = `node ${name} is lost: silent for ${seconds} s`;
  if (record.status === "running" && store.spec().onNodeLoss === "keep") {
    return transition(record, { kind: "nodeLost", node, reason: what });
  }
  const held = hostsText(store.containers.on(node));
  const remedy = "check that the machine is up, its agent runs, and it reaches the API";
  return failOrReplan(store, record, { reason: `${what}; it held ${held}; ${remedy}`, atFault: [node] }, now);
}

/** A node was removed from the fleet by force. It will confirm nothing, and a session that needs it fails. */
export function nodeGone(
  store: SessionStore,
  record: SessionRecord,
  node: string,
  name: string,
  now: number,
): SessionRecord {
  const part = store.parts.of(node);
  if (!part) return record;
  store.parts.setAbsent(node);
  if (!needsPart(record, part)) return checkRemoved(store, record, now);
  const held = hostsText(store.containers.on(node));
  const reason = `node ${name} was removed from the fleet by force while it held ${held}`;
  return terminate(store, record, "failed", reason, now);
}

/** The grace is over: the removal no longer waits for these disconnected nodes. Their resources stay reserved. */
export function giveUp(
  store: SessionStore,
  record: SessionRecord,
  disconnected: string[],
  now: number,
): SessionRecord {
  if (!isRemoving(record)) return record;
  for (const node of disconnected) store.parts.setAbsent(node);
  return checkRemoved(store, transition(record, { kind: "gaveUp", askAgainAt: now + ASK_AGAIN_MS }), now);
}

function needsPart(record: SessionRecord, { epoch }: PartRow): boolean {
  return needsNodes(record) && epoch === record.epoch;
}

function hostsText(hosts: ContainerRow[]): string {
  return hosts.length === 1 ? hosts[0]!.host : `${hosts[0]!.host} and ${hosts.length - 1} more`;
}
