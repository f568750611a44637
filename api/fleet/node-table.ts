/** The nodes of the fleet: join, inventory, what each holds, and the snapshot that the planner reads. */
import { SkeinError } from "../../shared/errors/errors.ts";
import type { AgentJoin, Allowed, Capacity, Facts, NodeView } from "../../shared/node/node-schemas.ts";
import type { NodeSnapshot, Snapshot } from "../../shared/plan/plan.ts";
import type { NodeStatus } from "../../shared/session/lifecycle.ts";
import { newId } from "../platform/ids.ts";
import type { KeyRotation, NodeNews } from "../platform/messages.ts";

interface NodeRow extends Record<string, SqlStorageValue> {
  seq: number;
  id: string;
  name: string;
  public_key: string;
  address: string;
  labels: string;
  schedulable: number;
  capacity: string;
  facts: string;
  status: string;
  news: number;
  seen_at: number | null;
}

interface Held extends Record<string, SqlStorageValue> {
  node: string;
  cpu: number;
  memory: number;
  gpu_ids: string;
  containers: number;
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

/**
 * Where the nodes are, as they said when they joined: what a node says later counts for itself alone, so that a stolen key closes no address
 * to the whole fleet.
 */
export function joinAddresses(sql: SqlStorage): string[] {
  return sql
    .exec<{ value: string }>(
      "SELECT DISTINCT value FROM nodes, json_each(nodes.join_addresses) ORDER BY value",
    )
    .toArray()
    .map((row) => row.value);
}

/** Nodes whose link is up and who do not know where the others are since this change; at most `limit`. */
export function untoldNodes(sql: SqlStorage, change: number, limit: number): string[] {
  return sql
    .exec<{ id: string }>(
      "SELECT id FROM nodes WHERE told < ? AND status = 'ready' ORDER BY told, seq LIMIT ?",
      change,
      limit,
    )
    .toArray()
    .map(({ id }) => id);
}

export function noteTold(sql: SqlStorage, id: string, change: number): void {
  sql.exec("UPDATE nodes SET told = ? WHERE id = ? AND told < ?", change, id, change);
}

/** By id or name. */
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

/** Whether `to` is the node's key now, and the node's name where it was not before. May come twice, or late. */
export function rotateKey(
  sql: SqlStorage,
  { id, before, from, to }: KeyRotation,
): { isKey: boolean; replacedOf?: string } {
  const [replaced] = sql
    .exec<{ name: string }>(
      "UPDATE nodes SET public_key = ? WHERE id = ? AND public_key = ? AND news < ? RETURNING name",
      to,
      id,
      from,
      before,
    )
    .toArray();
  if (replaced) return { isKey: true, replacedOf: replaced.name };
  return {
    isKey: sql.exec("SELECT 1 FROM nodes WHERE id = ? AND public_key = ?", id, to).toArray().length > 0,
  };
}

/** Takes news of a node: its row as it was before; undefined where the fleet does not know it. */
export function noteNode(sql: SqlStorage, news: NodeNews): NodeRow | undefined {
  const row = sql.exec<NodeRow>("SELECT * FROM nodes WHERE id = ?", news.id).toArray()[0];
  if (!row || news.number < row.news) return row;
  sql.exec(
    "UPDATE nodes SET status = ?, news = ?, seen_at = ? WHERE id = ?",
    news.status,
    news.number,
    news.seenAt,
    news.id,
  );
  if (news.said) {
    sql.exec(
      "UPDATE nodes SET address = ?, capacity = ?, facts = ? WHERE id = ?",
      news.said.address ?? row.address,
      JSON.stringify(news.said.capacity),
      JSON.stringify(news.said.facts),
      news.id,
    );
  }
  return row;
}

/** Newest first, at most `limit`, older than `before`. */
export function listNodes(sql: SqlStorage, before: number, limit: number): { seq: number; view: NodeView }[] {
  return sql
    .exec<NodeRow>("SELECT * FROM nodes WHERE seq < ? ORDER BY seq DESC LIMIT ?", before, limit)
    .toArray()
    .map((row) => ({ seq: row.seq, view: nodeView(sql, row) }));
}

export function nodeView(sql: SqlStorage, row: NodeRow): NodeView {
  const held = heldBy(sql.exec<Held>("SELECT * FROM reservations WHERE node = ?", row.id).toArray()).get(
    row.id,
  );
  return {
    id: row.id,
    name: row.name,
    status: row.status as NodeStatus,
    schedulable: row.schedulable === 1,
    labels: JSON.parse(row.labels) as Record<string, string>,
    address: row.address,
    capacity: JSON.parse(row.capacity) as Capacity,
    allocated: {
      // Docker's own unit, so that 0.1 + 0.2 cores read as 0.3.
      cpu: Math.round((held?.cpu ?? 0) * 1e9) / 1e9,
      memory: held?.memory ?? 0,
      gpu: held?.gpuIds.length ?? 0,
    },
    facts: JSON.parse(row.facts) as Facts,
    lastSeenAt: row.seen_at === null ? null : new Date(row.seen_at).toISOString(),
  };
}

/** What the fleet's nodes allow, each kind of answer once, be they ready or not. */
export function allowances(sql: SqlStorage): Allowed[] {
  return sql
    .exec<{ allows: string }>("SELECT DISTINCT facts -> 'allows' AS allows FROM nodes")
    .toArray()
    .map(({ allows }) => JSON.parse(allows) as Allowed);
}

/** All that planning depends on, as it is now. */
export function snapshotOf(sql: SqlStorage): Snapshot {
  const held = heldBy(sql.exec<Held>("SELECT * FROM reservations").toArray());
  const nodes = sql.exec<NodeRow>("SELECT * FROM nodes").toArray();
  const networks = sql
    .exec<{ subnet: string; vni: number | null }>("SELECT subnet, vni FROM networks")
    .toArray();
  return {
    nodes: nodes.map((row): NodeSnapshot => {
      const { gpuIds, usedSubnets, mtu, allows } = JSON.parse(row.facts) as Facts;
      return {
        id: row.id,
        name: row.name,
        status: row.status as NodeStatus,
        schedulable: row.schedulable === 1,
        labels: JSON.parse(row.labels) as Record<string, string>,
        address: row.address,
        capacity: JSON.parse(row.capacity) as Capacity,
        allocated: held.get(row.id) ?? { cpu: 0, memory: 0, gpuIds: [], containers: 0 },
        gpuIds,
        usedSubnets,
        mtu,
        allows,
      };
    }),
    reserved: networksOf(networks),
  };
}

/** Networks of sessions that hold something on a node that cannot be reached: their ends may not free them. */
export function lingeringNetworks(sql: SqlStorage): Snapshot["reserved"] {
  const networks = sql
    .exec<{ subnet: string; vni: number | null }>(
      `SELECT subnet, vni FROM networks WHERE EXISTS (
         SELECT 1 FROM reservations r JOIN nodes ON nodes.id = r.node
         WHERE r.session = networks.session AND r.epoch = networks.epoch AND nodes.status <> 'ready')`,
    )
    .toArray();
  return networksOf(networks);
}

function networksOf(rows: { subnet: string; vni: number | null }[]): Snapshot["reserved"] {
  return {
    subnets: rows.map(({ subnet }) => subnet),
    vnis: rows.flatMap(({ vni }) => (vni === null ? [] : [vni])),
  };
}

function heldBy(rows: Held[]): Map<string, NodeSnapshot["allocated"]> {
  const sums = new Map<string, NodeSnapshot["allocated"]>();
  for (const row of rows) {
    const sum = sums.get(row.node) ?? { cpu: 0, memory: 0, gpuIds: [], containers: 0 };
    sum.cpu += row.cpu;
    sum.memory += row.memory;
    sum.gpuIds.push(...(JSON.parse(row.gpu_ids) as string[]));
    sum.containers += row.containers;
    sums.set(row.node, sum);
  }
  return sums;
}
