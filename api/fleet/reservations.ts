/** What sessions hold, by epoch: a share of each of their nodes, a subnet and perhaps a VNI. */

import { holdingsOf } from "../../shared/plan/holdings.ts";
import type { NodeSnapshot, Snapshot } from "../../shared/plan/plan.ts";
import type { PlannedSpec } from "../../shared/plan/planned-spec.ts";
import type { Start } from "../platform/messages.ts";

/** Reserves what the plan uses: resources on each node, and its network. */
export function reserve(
  sql: SqlStorage,
  session: string,
  demand: PlannedSpec,
  { epoch, plan: planned }: Pick<Start, "epoch" | "plan">,
): void {
  for (const [node, { cpu, memory, gpuIds, containers }] of holdingsOf(demand, planned)) {
    sql.exec(
      "INSERT INTO reservations (session, epoch, node, cpu, memory, gpu_ids, containers) VALUES (?, ?, ?, ?, ?, ?, ?)",
      session,
      epoch,
      node,
      cpu,
      memory,
      JSON.stringify(gpuIds),
      containers,
    );
  }
  const { subnet, vni } = planned.network;
  sql.exec(
    "INSERT INTO networks (session, epoch, subnet, vni) VALUES (?, ?, ?, ?)",
    session,
    epoch,
    subnet,
    vni ?? null,
  );
}

/** Nodes on which a session holds something, over all epochs. */
export function nodesOf(sql: SqlStorage, session: string): string[] {
  return sql
    .exec<{ node: string }>("SELECT DISTINCT node FROM reservations WHERE session = ?", session)
    .toArray()
    .map(({ node }) => node);
}

/** A node that confirmed the removal of an epoch has removed the earlier ones, too. */
export function release(sql: SqlStorage, session: string, epoch: number, node: string): void {
  sql.exec("DELETE FROM reservations WHERE session = ? AND epoch <= ? AND node = ?", session, epoch, node);
}

/** Frees what all sessions hold on a node. Returns the sessions' ids. */
export function releaseNode(sql: SqlStorage, node: string): string[] {
  const sessions = sessionsOn(sql, node);
  sql.exec("DELETE FROM reservations WHERE node = ?", node);
  for (const session of sessions) freeNetworks(sql, session);
  return sessions;
}

export function sessionsOn(sql: SqlStorage, node: string): string[] {
  return sql
    .exec<{ session: string }>("SELECT DISTINCT session FROM reservations WHERE node = ?", node)
    .toArray()
    .map(({ session }) => session);
}

export function freeNetworks(sql: SqlStorage, session: string): void {
  sql.exec(
    `DELETE FROM networks WHERE session = ?1 AND epoch NOT IN (SELECT epoch FROM reservations WHERE session = ?1)`,
    session,
  );
}

type Held = NodeSnapshot["allocated"];

interface HeldRow extends Record<string, SqlStorageValue> {
  node: string;
  cpu: number;
  memory: number;
  gpu_ids: string;
  containers: number;
}

/** Nodes that have work and whose link is up. */
export function busyNodes(sql: SqlStorage): string[] {
  return sql
    .exec<{ id: string }>(
      "SELECT id FROM nodes WHERE status = 'ready' AND EXISTS (SELECT 1 FROM reservations WHERE node = nodes.id)",
    )
    .toArray()
    .map(({ id }) => id);
}

/** What sessions hold on a node. */
export function heldOn(sql: SqlStorage, node: string): Held {
  const rows = sql.exec<HeldRow>("SELECT * FROM reservations WHERE node = ?", node).toArray();
  return heldBy(rows).get(node) ?? { cpu: 0, memory: 0, gpuIds: [], containers: 0 };
}

/** What sessions hold, by node. */
export function heldOnAll(sql: SqlStorage): Map<string, Held> {
  return heldBy(sql.exec<HeldRow>("SELECT * FROM reservations").toArray());
}

function heldBy(rows: readonly HeldRow[]): Map<string, Held> {
  const sums = new Map<string, Held>();
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

/** Whether a session has, or may still have, something on a node. */
export function holds(sql: SqlStorage, node: string, session: string): boolean {
  const rows = sql.exec("SELECT 1 FROM reservations WHERE node = ? AND session = ? LIMIT 1", node, session);
  return rows.toArray().length > 0;
}

/** Networks of all sessions. */
export function reservedNetworks(sql: SqlStorage): Snapshot["reserved"] {
  return networksOf(sql.exec<NetworkRow>("SELECT subnet, vni FROM networks").toArray());
}

/** Networks of sessions that hold something on an unreachable node: the end of the session may not free them. */
export function lingeringNetworks(sql: SqlStorage): Snapshot["reserved"] {
  const rows = sql.exec<NetworkRow>(
    `SELECT subnet, vni FROM networks WHERE EXISTS (
       SELECT 1 FROM reservations r JOIN nodes ON nodes.id = r.node
       WHERE r.session = networks.session AND r.epoch = networks.epoch AND nodes.status <> 'ready')`,
  );
  return networksOf(rows.toArray());
}

interface NetworkRow extends Record<string, SqlStorageValue> {
  subnet: string;
  vni: number | null;
}

function networksOf(rows: readonly NetworkRow[]): Snapshot["reserved"] {
  return {
    subnets: rows.map(({ subnet }) => subnet),
    vnis: rows.flatMap(({ vni }) => (vni === null ? [] : [vni])),
  };
}
