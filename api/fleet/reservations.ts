/** What sessions hold: a part of each of their nodes, a subnet and perhaps a VNI, by epoch. */
import { holdingsOf } from "../../shared/plan/holdings.ts";
import type { SessionSpec } from "../../shared/request/spec.ts";
import type { Start } from "../platform/messages.ts";

/** What the plan takes up, node by node, and its network. */
export function reserve(
  sql: SqlStorage,
  session: string,
  demand: SessionSpec,
  { epoch, plan: planned }: Start,
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

/** A node that confirmed an epoch has nothing of the earlier ones either. */
export function release(sql: SqlStorage, session: string, epoch: number, node: string): void {
  sql.exec("DELETE FROM reservations WHERE session = ? AND epoch <= ? AND node = ?", session, epoch, node);
}

/** Frees what a node holds, for all sessions. The sessions' ids. */
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
