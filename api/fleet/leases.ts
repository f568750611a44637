/**
 * Which nodes are connected: a sweep in which Fleet asks every Link which of its links are up. A Link reports the end of a link at once.
 * The sweep finds links that ended without a close event, for example while the API was down. One alarm of one object serves all nodes, so
 * an idle node costs nothing.
 */

import { logError } from "../platform/log-error.ts";
import type { LinkSweep } from "../platform/messages.ts";
import { linkAt, linkNumberOf } from "../platform/objects.ts";
import { type NodeConnection, nodeConnections } from "./node-table.ts";

/** Longest time until a sweep finds a silent link. */
export const SWEEP_MS = 20_000;

/** Agents that one process accepts per second, with a margin: a handshake takes about 2 ms of a core. */
const DIALS_PER_SECOND = 400;
/** Well within a node's lease. */
const LONGEST_SPREAD_MS = 25_000;

/** Milliseconds over which this many agents spread their dials. */
export function redialSpread(nodes: number): number {
  return Math.min(LONGEST_SPREAD_MS, Math.round((nodes / DIALS_PER_SECOND) * 1000));
}

/** A node whose link is down. `heardAt`: last sign of life, ms since 1970. */
export interface Down {
  node: string;
  connection: number;
  heardAt: number;
}

/**
 * Nodes that count as ready but have no link. The sweep also asks Links without such nodes: they drop agents that dialled and prove
 * nothing. The next sweep asks an unreachable Link again. O(nodes).
 */
export async function sweepLinks(env: Cloudflare.Env, sql: SqlStorage): Promise<Down[]> {
  const byLink = Map.groupBy(nodeConnections(sql), ({ id }) => linkNumberOf(id));
  const down = await Promise.all(
    [...byLink].map(async ([number, nodes]) => {
      try {
        return downOf(nodes, await linkAt(env, number).sweep());
      } catch (error) {
        logError(`link ${number} could not be asked, next try at the next sweep:`, error);
        return [];
      }
    }),
  );
  return down.flat();
}

function downOf(nodes: readonly NodeConnection[], { up, silent, connecting }: LinkSweep): Down[] {
  const now = Date.now();
  const unsettled = new Set(connecting);
  const present = new Map(up.map(({ node, connection }) => [node, connection]));
  const lastSeen = new Map(silent.map(({ node, seenAt }) => [node, seenAt]));
  return (
    nodes
      // The node has a newer connection by now.
      .filter(
        ({ id, ready, connection }) => ready && (present.get(id) ?? 0) < connection && !unsettled.has(id),
      )
      .map(({ id, connection }) => ({ node: id, connection, heardAt: lastSeen.get(id) ?? now }))
  );
}
