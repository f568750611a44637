/** Admission: sessions in the order they came, each planned as soon as there is room, and what they hold. */
import { SkeinError } from "../../shared/errors.ts";
import type { SessionStatus } from "../../shared/lifecycle.ts";
import { SESSION_STATES } from "../../shared/lifecycle.ts";
import type { Plan, Planning, Snapshot } from "../../shared/plan.ts";
import { plan } from "../../shared/planner.ts";
import { SETTINGS } from "../../shared/settings.ts";
import type { SessionSpec } from "../../shared/spec.ts";
import { newId } from "../ids.ts";
import type { SessionNews, Start } from "../messages.ts";
import { snapshotOf } from "./nodes.ts";
import type { Outbox } from "./outbox.ts";

interface SessionRow extends Record<string, SqlStorageValue> {
  seq: number;
  id: string;
  name: string;
  status: string;
  live: number;
  queued: number;
  reason: string | null;
  epoch: number;
  demand: string;
  avoid: string;
  news: number;
}

/** What did not work out for a session; `nodes` (ids) only where others have room. */
type Avoid = Snapshot["reserved"] & { nodes?: string[] };

/** Indexes a new session and plans it at once where there is room. Its id. */
export function admit(
  sql: SqlStorage,
  outbox: Outbox,
  project: string,
  spec: SessionSpec,
  now: number,
): string {
  const id = newId("ses");
  const name = spec.name ?? `s-${id.slice(-8)}`;
  const taken = sql
    .exec<{ id: string }>(
      "SELECT id FROM sessions WHERE project = ? AND name = ? AND live = 1",
      project,
      name,
    )
    .toArray()[0];
  if (taken) {
    throw new SkeinError(
      "name_in_use",
      `${taken.id} is named ${name} and is live: end it first, or choose another name`,
    );
  }
  refuseOverLimit(sql, project, spec);
  const demand = demandOf(spec);
  const { plan: planned, refusal } = plan(demand, snapshotOf(sql));
  const start: Start | null = planned ? { epoch: 1, plan: planned } : null;
  const reason = refusal?.reason ?? null;
  sql.exec(
    `INSERT INTO sessions (id, project, name, status, live, queued, reason, epoch, demand)
     VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)`,
    id,
    project,
    name,
    start ? "preparing" : "pending",
    start ? 0 : 1,
    reason,
    start ? 1 : 0,
    JSON.stringify(demand),
  );
  if (start) reserve(sql, id, demand, start);
  const createdAt = new Date(now).toISOString();
  const message = { kind: "create", id, project, name, spec, createdAt, start, reason } as const;
  outbox.add(id, { to: "session", message });
  return id;
}

function refuseOverLimit(sql: SqlStorage, project: string, { roles }: SessionSpec): void {
  const live = sql
    .exec<{ sessions: number; containers: number }>(
      `SELECT COUNT(*) AS sessions, COALESCE(SUM(
         (SELECT SUM(value ->> 'replicas') FROM json_each(demand, '$.roles'))), 0) AS containers
       FROM sessions WHERE project = ? AND live = 1`,
      project,
    )
    .one();
  if (live.sessions >= SETTINGS.maxLiveSessions) {
    throw new SkeinError(
      "too_many_live_sessions",
      `${live.sessions} sessions of project ${project} are live, and at most ${SETTINGS.maxLiveSessions} may be: end one first`,
    );
  }
  const more = roles.reduce((sum, { replicas }) => sum + replicas, 0);
  if (live.containers + more > SETTINGS.maxLiveContainers) {
    throw new SkeinError(
      "too_many_live_containers",
      `live sessions of project ${project} have ${live.containers} containers, and with these ${more} would be past ${SETTINGS.maxLiveContainers}: end a session first`,
    );
  }
}

/** What would be planned now. */
export function dryRun(sql: SqlStorage, spec: SessionSpec): Plan {
  const { plan: planned, refusal } = plan(demandOf(spec), snapshotOf(sql));
  if (refusal) throw new SkeinError("unschedulable", refusal.reason, { nodes: refusal.nodes });
  return planned;
}

/** Tries every waiting session in the order they came. A later one may pass one that does not fit. */
export function planWaiting(sql: SqlStorage, outbox: Outbox): void {
  const waiting = sql.exec<SessionRow>("SELECT * FROM sessions WHERE queued = 1 ORDER BY seq").toArray();
  if (waiting.length === 0) return;
  let snapshot = snapshotOf(sql);
  for (const row of waiting) {
    const demand = JSON.parse(row.demand) as SessionSpec;
    const { plan: planned, refusal } = planAvoiding(demand, snapshot, JSON.parse(row.avoid) as Avoid);
    if (planned) {
      const start: Start = { epoch: row.epoch + 1, plan: planned };
      sql.exec(
        "UPDATE sessions SET queued = 0, status = 'preparing', reason = NULL, epoch = ? WHERE id = ?",
        start.epoch,
        row.id,
      );
      reserve(sql, row.id, demand, start);
      outbox.add(row.id, { to: "session", message: { kind: "begin", ...start } });
      snapshot = snapshotOf(sql);
    } else if (refusal.reason !== row.reason) {
      sql.exec("UPDATE sessions SET reason = ? WHERE id = ?", refusal.reason, row.id);
      outbox.add(row.id, { to: "session", message: { kind: "waiting", reason: refusal.reason } });
    }
  }
}

/** Takes news of a session; true where something became free or is wanted anew. */
export function noteSession(sql: SqlStorage, outbox: Outbox, news: SessionNews): boolean {
  const row = sql.exec<SessionRow>("SELECT * FROM sessions WHERE id = ?", news.id).toArray()[0];
  if (!row || news.number <= row.news) return false;
  const { live } = SESSION_STATES[news.status];
  // A plan that the Session never began (it was ended meanwhile) is not its news: that stays Fleet's.
  const status = live && news.epoch < row.epoch ? (row.status as SessionStatus) : news.status;
  sql.exec(
    "UPDATE sessions SET status = ?, live = ?, news = ? WHERE id = ?",
    status,
    live ? 1 : 0,
    news.number,
    news.id,
  );
  for (const { epoch, node } of news.removed) release(sql, news.id, epoch, node);
  if (!live) {
    sql.exec("DELETE FROM reservations WHERE session = ? AND epoch > ?", news.id, news.epoch);
    sql.exec("UPDATE sessions SET queued = 0, demand = '' WHERE id = ?", news.id);
    outbox.withdraw(news.id);
  }
  if (news.replan && news.epoch === row.epoch) replan(sql, row, news.avoid);
  freeNetworks(sql, news.id);
  return !live || news.replan || news.removed.length > 0;
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

function replan(sql: SqlStorage, row: SessionRow, nodes: string[]): void {
  const avoid: Avoid = { ...(JSON.parse(row.avoid) as Avoid), nodes };
  const networks = sql.exec<{ subnet: string; vni: number | null }>(
    "SELECT subnet, vni FROM networks WHERE session = ? AND epoch = ?",
    row.id,
    row.epoch,
  );
  for (const { subnet, vni } of networks) {
    avoid.subnets.push(subnet);
    if (vni !== null) avoid.vnis.push(vni);
  }
  sql.exec(
    "UPDATE sessions SET queued = 1, reason = NULL, avoid = ? WHERE id = ?",
    JSON.stringify(avoid),
    row.id,
  );
}

function planAvoiding(demand: SessionSpec, snapshot: Snapshot, avoid: Avoid): Planning {
  const all: Snapshot = {
    ...snapshot,
    reserved: {
      subnets: [...snapshot.reserved.subnets, ...avoid.subnets],
      vnis: [...snapshot.reserved.vnis, ...avoid.vnis],
    },
  };
  const atFault = new Set(avoid.nodes);
  if (atFault.size === 0) return plan(demand, all);
  const others = plan(demand, { ...all, nodes: all.nodes.filter(({ id }) => !atFault.has(id)) });
  return others.plan ? others : plan(demand, all);
}

function reserve(
  sql: SqlStorage,
  session: string,
  demand: SessionSpec,
  { epoch, plan: planned }: Start,
): void {
  const resources = new Map(demand.roles.map((role) => [role.name, role.resources]));
  for (const { id } of planned.nodes) {
    const here = planned.containers.filter(({ nodeId }) => nodeId === id);
    const sum = (key: "cpu" | "memory") =>
      here.reduce((total, { role }) => total + (resources.get(role)![key] ?? 0), 0);
    sql.exec(
      "INSERT INTO reservations (session, epoch, node, cpu, memory, gpu_ids, containers) VALUES (?, ?, ?, ?, ?, ?, ?)",
      session,
      epoch,
      id,
      sum("cpu"),
      sum("memory"),
      JSON.stringify(here.flatMap(({ gpuIds }) => gpuIds)),
      here.length,
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
function release(sql: SqlStorage, session: string, epoch: number, node: string): void {
  sql.exec("DELETE FROM reservations WHERE session = ? AND epoch <= ? AND node = ?", session, epoch, node);
}

function freeNetworks(sql: SqlStorage, session: string): void {
  sql.exec(
    `DELETE FROM networks WHERE session = ?1 AND epoch NOT IN (SELECT epoch FROM reservations WHERE session = ?1)`,
    session,
  );
}

/** The spec without what can be large and does not matter for planning. */
function demandOf(spec: SessionSpec): SessionSpec {
  const roles = spec.roles.map(({ name, replicas, resources }) => ({
    name,
    replicas,
    resources,
    image: "",
    env: {},
  }));
  return { ...spec, roles };
}
