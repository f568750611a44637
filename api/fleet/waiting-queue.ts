/** Admission, and the queue of those that wait: kept for the rules of shared/queue/queue.ts. */

import { SkeinError } from "../../shared/errors/errors.ts";
import type { Plan } from "../../shared/plan/plan.ts";
import { plan } from "../../shared/plan/planner.ts";
import {
  type Ask,
  type Avoid,
  type Finding,
  queueRound,
  type Waiting,
  waitingReason,
} from "../../shared/queue/queue.ts";
import { refuseUnlessAllowed } from "../../shared/request/allowed.ts";
import type { SessionSpec } from "../../shared/request/spec.ts";
import type { SessionStatus } from "../../shared/session/lifecycle.ts";
import { SESSION_STATES } from "../../shared/session/lifecycle.ts";
import { SETTINGS } from "../../shared/settings/settings.ts";
import { newId } from "../platform/ids.ts";
import type { SessionNews, Start } from "../platform/messages.ts";
import { allowances, lingeringNetworks, snapshotOf } from "./node-table.ts";
import type { Outbox } from "./outbox.ts";
import { freeNetworks, release, reserve } from "./reservations.ts";

interface SessionRow extends Record<string, SqlStorageValue> {
  seq: number;
  id: string;
  name: string;
  status: string;
  live: number;
  priority: number;
  ask: number | null;
  waits_since: number | null;
  epoch: number;
  demand: string;
  avoid: string;
  news: number;
}

/** Indexes a new session and puts it into the queue. Its id. */
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
  refuseUnlessAllowed(spec.reach, () => allowances(sql));
  sql.exec(
    `INSERT INTO sessions (id, project, name, status, live, priority, epoch, demand)
     VALUES (?, ?, ?, 'pending', 1, ?, 0, ?)`,
    id,
    project,
    name,
    spec.priority,
    JSON.stringify(demandOf(spec)),
  );
  const createdAt = new Date(now).toISOString();
  const message = { kind: "create", id, project, name, spec, createdAt } as const;
  outbox.add(id, { to: "session", message });
  enqueue(sql, id, now);
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
  refuseUnlessAllowed(spec.reach, () => allowances(sql));
  const { plan: planned, refusal } = plan(demandOf(spec), snapshotOf(sql));
  if (refusal) throw new SkeinError("unschedulable", refusal.reason, { nodes: refusal.nodes });
  return planned;
}

/**
 * Begins what may begin. Call it after whatever may let one begin: a session that came, room that was freed, a fleet
 * that changed. (Time alone lets nobody begin: patience that runs out only forbids.) True: a further call gets further.
 */
export function planWaiting(sql: SqlStorage, outbox: Outbox, now: number): boolean {
  const { untried } = sql
    .exec<{ untried: number }>("SELECT COUNT(*) AS untried FROM asks WHERE current = 0")
    .one();
  if (untried === 0) return false;
  const patience = SETTINGS.queuePatienceSeconds * 1000;
  const { admitted, findings, unfinished } = queueRound(
    sql.exec<Waiting & Record<string, SqlStorageValue>>(
      // Without those that this round can neither begin nor have to keep room for.
      `SELECT s.id, ask, waits_since AS since FROM sessions s JOIN asks ON asks.id = ask
       WHERE ask IS NOT NULL AND (current = 0 OR (claim IS NOT NULL AND waits_since <= ?))
       ORDER BY priority DESC, seq`,
      now - patience,
    ),
    { of: (ask) => askOf(sql, ask), untried },
    { snapshot: snapshotOf(sql), lingering: lingeringNetworks(sql) },
    { now, patience },
  );
  for (const { id, plan: planned } of admitted) {
    const { epoch, demand } = rowOf(sql, id)!;
    const start: Start = { epoch: epoch + 1, plan: planned };
    sql.exec("UPDATE sessions SET status = 'preparing', epoch = ? WHERE id = ?", start.epoch, id);
    dequeue(sql, id);
    reserve(sql, id, JSON.parse(demand) as SessionSpec, start);
    outbox.add(id, { to: "session", message: { kind: "begin", ...start } });
  }
  for (const [ask, finding] of findings) {
    const claim = finding.claim && JSON.stringify(finding.claim);
    sql.exec("UPDATE asks SET reason = ?, claim = ?, current = 1 WHERE id = ?", finding.reason, claim, ask);
  }
  return unfinished;
}

/** Room was freed: whoever waits for room is looked at again. */
export function roomFreed(sql: SqlStorage): void {
  sql.exec("UPDATE asks SET current = 0 WHERE current = 1 AND claim IS NOT NULL");
}

/** Nodes came, went, or are other than they were: nothing found so far holds. */
export function fleetChanged(sql: SqlStorage): void {
  sql.exec("UPDATE asks SET current = 0, reason = NULL, claim = NULL");
}

/**
 * What these sessions wait for and their place in the queue, by id; without those that do not wait. Made when it is
 * asked, from what the last round found: so a queue that moves on writes nothing. O(place) entries of an index each.
 */
export function waitingReasons(sql: SqlStorage, ids: string[]): Record<string, string> {
  const rows = sql.exec<{ id: string; reason: string | null; place: number }>(
    `SELECT s.id, IIF(current, reason, NULL) AS reason,
       (SELECT COUNT(*) FROM sessions b WHERE b.ask IS NOT NULL AND b.priority > s.priority)
       + (SELECT COUNT(*) FROM sessions b WHERE b.ask IS NOT NULL AND b.priority = s.priority AND b.seq <= s.seq) AS place
     FROM sessions s JOIN asks ON asks.id = s.ask WHERE s.id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(ids),
  );
  const reasons = rows.toArray().map(({ id, reason, place }) => [id, waitingReason(reason, place)] as const);
  return Object.fromEntries(reasons);
}

/** Takes news of a session; true where something became free or is wanted anew. */
export function noteSession(sql: SqlStorage, outbox: Outbox, news: SessionNews, now: number): boolean {
  const row = rowOf(sql, news.id);
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
    dequeue(sql, news.id);
    sql.exec("UPDATE sessions SET demand = '' WHERE id = ?", news.id);
    outbox.withdraw(news.id);
  }
  if (news.replan && news.epoch === row.epoch) replan(sql, row, news.avoid, now);
  freeNetworks(sql, news.id);
  return !live || news.replan || news.removed.length > 0;
}

/** Back into the queue: at the place that its arrival gives it, with its patience anew. */
function replan(sql: SqlStorage, row: SessionRow, nodes: string[], now: number): void {
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
  sql.exec("UPDATE sessions SET avoid = ? WHERE id = ?", JSON.stringify(avoid), row.id);
  enqueue(sql, row.id, now);
}

/** An ask that is there already is looked at again, since this session may stand before the others. */
function enqueue(sql: SqlStorage, id: string, now: number): void {
  const { ask } = sql
    .exec<{ ask: number }>(
      `INSERT INTO asks (demand, avoid) SELECT demand, avoid FROM sessions WHERE id = ?
       ON CONFLICT (demand, avoid) DO UPDATE SET current = 0 RETURNING id AS ask`,
      id,
    )
    .one();
  sql.exec("UPDATE sessions SET ask = ?, waits_since = ? WHERE id = ?", ask, now, id);
}

function dequeue(sql: SqlStorage, id: string): void {
  const ask = rowOf(sql, id)?.ask;
  sql.exec("UPDATE sessions SET ask = NULL, waits_since = NULL WHERE id = ?", id);
  sql.exec(
    "DELETE FROM asks WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM sessions WHERE ask = ?1)",
    ask ?? null,
  );
}

function askOf(sql: SqlStorage, id: number): Ask {
  const { demand, avoid, reason, claim, current } = sql
    .exec<{ demand: string; avoid: string; reason: string | null; claim: string | null; current: number }>(
      "SELECT demand, avoid, reason, claim, current FROM asks WHERE id = ?",
      id,
    )
    .one();
  return {
    demand: JSON.parse(demand) as SessionSpec,
    avoid: JSON.parse(avoid) as Avoid,
    found:
      reason === null
        ? null
        : { reason, claim: claim === null ? null : (JSON.parse(claim) as Finding["claim"]) },
    current: current === 1,
  };
}

function rowOf(sql: SqlStorage, id: string): SessionRow | undefined {
  return sql.exec<SessionRow>("SELECT * FROM sessions WHERE id = ?", id).toArray()[0];
}

/** What matters for planning, and nothing else: equal demands are equal texts. */
function demandOf({ clusterMode, placement, roles, reach }: SessionSpec): SessionSpec {
  return {
    clusterMode,
    placement,
    roles: roles.map(({ name, replicas, resources }) => ({ name, replicas, resources, image: "", env: {} })),
    ...(reach ? { reach } : {}),
    network: { encryption: "auto", egress: true },
    priority: 0,
    retries: 0,
    onNodeLoss: "fail",
  };
}
