/** What a Node object keeps of itself: which node it is, and how its link stands. */
import type { NodeStatus } from "../../shared/session/lifecycle.ts";

/** Which node this object is. Not its key: that is Fleet's, and may be another at the next connection. */
export interface Self {
  fleet: string;
  node: string;
}

/**
 * What Fleet is to believe of this node; `told`: it does. `connection` counts. `heardAt` (ms since 1970): while it
 * is down, when it was last heard of.
 */
export interface LinkState {
  connection: number;
  up: boolean;
  told: boolean;
  lost: boolean;
  heardAt: number | null;
}

/** The order of a connection's news. */
const NEWS_ORDER: NodeStatus[] = ["ready", "disconnected", "lost"];

/** Numbers news over all connections: what a later one says is greater. */
export function newsNumber(connection: number, status: NodeStatus): number {
  return connection * NEWS_ORDER.length + NEWS_ORDER.indexOf(status);
}

export function linkState(kv: SyncKvStorage): LinkState {
  const none: LinkState = { connection: 0, up: false, told: true, lost: false, heardAt: null };
  return { ...none, ...kv.get<LinkState>("link") };
}

export function statusOf({ up, lost }: LinkState): NodeStatus {
  if (up) return "ready";
  return lost ? "lost" : "disconnected";
}
