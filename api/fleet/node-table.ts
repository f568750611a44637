/** The nodes of the fleet: how they join, connect, go down and are lost, and the facts they report. */
import { SkeinError } from "../../shared/errors/errors.ts";
import type {
  AgentJoin,
  Allowed,
  Capacity,
  Facts,
  NodeStatus,
  NodeView,
} from "../../shared/node/node-schemas.ts";
import { newId } from "../platform/ids.ts";
import type { Connect, KeyRotation, Said } from "../platform/messages.ts";
import { heldOn } from "./reservations.ts";

export interface NodeRow extends Record<string, SqlStorageValue> {
  seq: number;
  id: string;
  name: string;
  public_key: string;
  address: string;
  join_addresses: string;
  labels: string;
  schedulable: number;
  capacity: string;
  facts: string;
  status: string;
  connection: number;
  heard_at: number | null;
}

/** Adds a node; its name must be free. */
export function addNode(sql: SqlStorage, join: AgentJoin): string {
  const taken = sql.exec("SELECT 1 FROM nodes WHERE name = ?", join.name).toArray().length > 0;
  if (taken) {
    throw new SkeinError(
      "name_in_use",
      `a node named ${join.name} is in the fleet: choose another name, or remove it first`,
    );
  }
  const id = newId("node");
  sql.exec(
    `INSERT INTO nodes (id, name, public_key, address, join_addresses, labels, capacity, facts)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    id,
    join.name,
    join.publicKey,
    join.address,
    JSON.stringify([join.address, ...join.facts.addresses]),
    JSON.stringify(join.labels),
    JSON.stringify(join.capacity),
    JSON.stringify(join.facts),
  );
  return id;
}

/** By id. */
export function nodeRow(sql: SqlStorage, id: string): NodeRow | undefined {
  return sql.exec<NodeRow>("SELECT * FROM nodes WHERE id = ?", id).toArray()[0];
}

/** By id or name. @throws SkeinError `not_found`. */
export function findNode(sql: SqlStorage, idOrName: string): NodeRow {
  const row = sql.exec<NodeRow>("SELECT * FROM nodes WHERE id = ?1 OR name = ?1", idOrName).toArray()[0];
  if (!row) throw new SkeinError("not_found", `no node ${idOrName}`);
  return row;
}

export function patchNode(
  sql: SqlStorage,
  id: string,
  patch: { schedulable?: boolean; labels?: Record<string, string> },
): void {
  if (patch.schedulable !== undefined) {
    sql.exec("UPDATE nodes SET schedulable = ? WHERE id = ?", patch.schedulable ? 1 : 0, id);
  }
  if (patch.labels !== undefined) {
    sql.exec("UPDATE nodes SET labels = ? WHERE id = ?", JSON.stringify(patch.labels), id);
  }
}

/** Replaces the node's key. Returns whether `to` is its key now, and the node's name if that is news. The call may come twice, or late. */
export function rotateKey(
  sql: SqlStorage,
  { node, connection, from, to }: KeyRotation,
): { isKey: boolean; replacedOf?: string } {
  const [replaced] = sql
    .exec<{ name: string }>(
      "UPDATE nodes SET public_key = ? WHERE id = ? AND public_key = ? AND connection = ? RETURNING name",
      to,
      node,
      from,
      connection,
    )
    .toArray();
  if (replaced) return { isKey: true, replacedOf: replaced.name };
  return {
    isKey: sql.exec("SELECT 1 FROM nodes WHERE id = ? AND public_key = ?", node, to).toArray().length > 0,
  };
}

/**
 * A connection has proven the node's key: the node is ready. Returns the connection's number; undefined if the node has another key by now.
 */
export function connectNode(sql: SqlStorage, { node, publicKey }: Connect): number | undefined {
  const [row] = sql
    .exec<{ connection: number }>(
      `UPDATE nodes SET status = 'ready', heard_at = NULL, connection = connection + 1
       WHERE id = ? AND public_key = ? RETURNING connection`,
      node,
      publicKey,
    )
    .toArray();
  return row?.connection;
}

/** Its link is down. `heardAt`: last sign of life, ms since 1970. False if that is no news. */
export function disconnectNode(sql: SqlStorage, node: string, connection: number, heardAt: number): boolean {
  const down = sql.exec(
    `UPDATE nodes SET status = 'disconnected', heard_at = ?
     WHERE id = ? AND connection = ? AND status = 'ready' RETURNING id`,
    heardAt,
    node,
    connection,
  );
  return down.toArray().length > 0;
}

/** Stores the facts that a node reports. False if nothing changed. */
export function noteSaid(sql: SqlStorage, node: string, { address, capacity, facts }: Said): boolean {
  const changed = sql.exec(
    `UPDATE nodes SET address = COALESCE(?1, address), capacity = ?2, facts = ?3
     WHERE id = ?4 AND (address <> COALESCE(?1, address) OR capacity <> ?2 OR facts <> ?3) RETURNING id`,
    address ?? null,
    JSON.stringify(capacity),
    JSON.stringify(facts),
    node,
  );
  return changed.toArray().length > 0;
}

/** Nodes that have been down since before `heardBefore` (ms since 1970), and now count as lost. */
export function loseNodes(sql: SqlStorage, heardBefore: number): NodeRow[] {
  return sql
    .exec<NodeRow>(
      "UPDATE nodes SET status = 'lost' WHERE status = 'disconnected' AND heard_at <= ? RETURNING *",
      heardBefore,
    )
    .toArray();
}

/** `connection`: the number of its last one; `ready` 1: that one is up. */
export interface NodeConnection extends Record<string, SqlStorageValue> {
  id: string;
  connection: number;
  ready: number;
}

export function countNodes(sql: SqlStorage): number {
  return sql.exec<{ count: number }>("SELECT COUNT(*) AS count FROM nodes").one().count;
}

export function nodeConnections(sql: SqlStorage): NodeConnection[] {
  return sql.exec<NodeConnection>("SELECT id, connection, status = 'ready' AS ready FROM nodes").toArray();
}

/** Undefined if the node is not in the fleet. */
export function publicKeyOf(sql: SqlStorage, id: string): string | undefined {
  const [row] = sql.exec<{ public_key: string }>("SELECT public_key FROM nodes WHERE id = ?", id).toArray();
  return row?.public_key;
}

export function hasNode(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM nodes LIMIT 1").toArray().length > 0;
}

/** Last sign of life of the node that has been down the longest, ms since 1970; null if none is down. */
export function earliestDown(sql: SqlStorage): number | null {
  return sql
    .exec<{ at: number | null }>("SELECT MIN(heard_at) AS at FROM nodes WHERE status = 'disconnected'")
    .one().at;
}

/** Newest first, at most `limit`, older than `before`. */
export function listNodes(sql: SqlStorage, before: number, limit: number): { seq: number; view: NodeView }[] {
  return sql
    .exec<NodeRow>("SELECT * FROM nodes WHERE seq < ? ORDER BY seq DESC LIMIT ?", before, limit)
    .toArray()
    .map((row) => ({ seq: row.seq, view: nodeView(sql, row) }));
}

/** What a node's view and its snapshot have in common. */
export function nodeOf(row: NodeRow) {
  return {
    id: row.id,
    name: row.name,
    status: row.status as NodeStatus,
    schedulable: row.schedulable === 1,
    labels: JSON.parse(row.labels) as Record<string, string>,
    address: row.address,
    capacity: JSON.parse(row.capacity) as Capacity,
  };
}

export function nodeView(sql: SqlStorage, row: NodeRow): NodeView {
  const { cpu, memory, gpuIds } = heldOn(sql, row.id);
  return {
    ...nodeOf(row),
    // Docker counts in billionths of a core, so that 0.1 + 0.2 cores read as 0.3.
    allocated: { cpu: Math.round(cpu * 1e9) / 1e9, memory, gpu: gpuIds.length },
    facts: JSON.parse(row.facts) as Facts,
    lastSeenAt: row.heard_at === null ? null : new Date(row.heard_at).toISOString(),
  };
}

/** What the fleet's nodes allow, without duplicates. Nodes that are not ready count, too. */
export function allowances(sql: SqlStorage): Allowed[] {
  return sql
    .exec<{ allows: string }>("SELECT DISTINCT facts -> 'allows' AS allows FROM nodes")
    .toArray()
    .map(({ allows }) => JSON.parse(allows) as Allowed);
}
