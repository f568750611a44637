/** Admission, and the queue of waiting sessions in SQL. Its rules are in shared/queue/queue.ts. */
import { SkeinError } from "../../shared/errors/errors.ts";
import type { Snapshot } from "../../shared/plan/plan.ts";
import { type PlannedSpec, plannedSpec } from "../../shared/plan/planned-spec.ts";
import { concerns, mayHelp } from "../../shared/queue/changes.ts";
import type { Avoid, Claim, Demand, Evaluation } from "../../shared/queue/demand.ts";
import { queueRound, type Waiting, waitingReason } from "../../shared/queue/queue.ts";
import { refuseUnlessAllowed } from "../../shared/request/allowed.ts";
import type { SessionSpec } from "../../shared/request/spec.ts";
import { pendingView } from "../../shared/session/planned-view.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import { newId } from "../platform/ids.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import type { FromFleet } from "../platform/messages.ts";
import { sessionTarget } from "./fleet-mail.ts";
import type { FleetNews } from "./fleet-snapshot.ts";
import { allowances } from "./node-table.ts";
import { lingeringNetworks, reserve } from "./reservations.ts";
import { noteBegun, type SessionRow, sessionRow } from "./session-index.ts";

/**
 * Indexes a new session, puts it into the queue, and returns its id.
 * @throws SkeinError `name_in_use`, `too_many_live_sessions`, `too_many_live_containers`, `not_allowed`.
 */
export function admit(
  sql: SqlStorage,
  mailbox: Mailbox<FromFleet>,
  project: string,
  spec: SessionSpec,
  now: number,
): string {
  const id = newId("ses");
  const name = spec.name ?? `s-${id.slice(-8)}`;
  refuseTakenName(sql, project, name);
  refuseOverLimit(sql, project, spec);
  refuseUnlessAllowed(spec.reach, () => allowances(sql));
  const createdAt = new Date(now).toISOString();
  sql.exec(
    `INSERT INTO sessions (id, project, name, status, live, priority, queue_timeout, epoch, spec, view)
     VALUES (?, ?, ?, 'pending', 1, ?, ?, 0, ?, ?)`,
    id,
    project,
    name,
    spec.priority,
    spec.queueTimeout ?? null,
    JSON.stringify(plannedSpec(spec)),
    JSON.stringify(pendingView(spec, { id, name, createdAt })),
  );
  mailbox.post(sessionTarget(id), { kind: "create", id, project, name, spec, createdAt });
  enqueue(sql, id, now);
  return id;
}

function refuseTakenName(sql: SqlStorage, project: string, name: string): void {
  const [taken] = sql
    .exec<{ id: string }>(
      "SELECT id FROM sessions WHERE project = ? AND name = ? AND live = 1",
      project,
      name,
    )
    .toArray();
  if (!taken) return;
  throw new SkeinError(
    "name_in_use",
    `${taken.id} is named ${name} and is live: end it first, or choose another name`,
  );
}

function refuseOverLimit(sql: SqlStorage, project: string, { roles }: SessionSpec): void {
  const live = sql
    .exec<{ sessions: number; containers: number }>(
      `SELECT COUNT(*) AS sessions, COALESCE(SUM(
         (SELECT SUM(value ->> 'replicas') FROM json_each(spec, '$.roles'))), 0) AS containers
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

/** Number of demands to evaluate, because something changed for them. */
export function untriedDemands(sql: SqlStorage): number {
  return sql.exec<{ untried: number }>("SELECT COUNT(*) AS untried FROM demands WHERE current = 0").one()
    .untried;
}

/** Result of a round: the nodes on which it started something, and whether another round would get further. */
export interface Round {
  begun: string[];
  unfinished: boolean;
}

/**
 * Begins the sessions that may begin. (Time alone starts no session: patience that runs out only holds others back.) `nodesChange`: number
 * of the last join or leave, which a session's nodes must know before they make anything.
 */
export function planWaiting(
  sql: SqlStorage,
  mailbox: Mailbox<FromFleet>,
  snapshot: Snapshot,
  nodesChange: number,
  now: number,
): Round {
  const patience = SETTINGS.queuePatienceSeconds * 1000;
  const { admitted, evaluations, unfinished } = queueRound(
    sql.exec<Waiting & Record<string, SqlStorageValue>>(
      // Leaves out sessions that this round can neither begin nor has to keep room for.
      `SELECT s.id, demand, waits_since AS since FROM sessions s JOIN demands d ON d.id = demand
       WHERE demand IS NOT NULL AND (current = 0 OR (claim IS NOT NULL AND waits_since <= ?))
       ORDER BY priority DESC, seq`,
      now - patience,
    ),
    { of: (demand) => demandOf(sql, demand), untried: untriedDemands(sql) },
    { snapshot, lingering: lingeringNetworks(sql) },
    { now, patience },
  );
  for (const { id, plan } of admitted) {
    const row = sessionRow(sql, id)!;
    const epoch = row.epoch + 1;
    noteBegun(sql, row, epoch, plan);
    dequeue(sql, id);
    reserve(sql, id, JSON.parse(row.spec) as PlannedSpec, { epoch, plan });
    mailbox.post(sessionTarget(id), { kind: "begin", epoch, plan, nodesChange });
  }
  for (const [demand, { reason, lacks, claim }] of evaluations) {
    sql.exec(
      "UPDATE demands SET reason = ?, lacks = ?, claim = ?, current = 1 WHERE id = ?",
      reason,
      lacks,
      claim && JSON.stringify(claim),
      demand,
    );
  }
  return { begun: admitted.flatMap(({ plan }) => plan.nodes.map(({ id }) => id)), unfinished };
}

/**
 * Marks the demands that these changes may help for another evaluation. If nodes changed, it drops evaluations that may be out of date and
 * keeps their reasons for display. O(demands × changed nodes).
 */
export function noteNews(sql: SqlStorage, news: FleetNews | undefined): void {
  if (!news) {
    sql.exec("UPDATE demands SET current = 0, lacks = NULL, claim = NULL WHERE lacks IS NOT NULL");
    return;
  }
  const known = sql.exec<{ id: number }>("SELECT id FROM demands WHERE lacks IS NOT NULL").toArray();
  for (const { id } of known) {
    const demand = demandOf(sql, id);
    if (news.reshaped.length > 0 && concerns(demand, news.reshaped)) {
      sql.exec("UPDATE demands SET current = 0, lacks = NULL, claim = NULL WHERE id = ?", id);
    } else if (demand.current && mayHelp(demand, news.freed)) {
      sql.exec("UPDATE demands SET current = 0 WHERE id = ?", id);
    }
  }
}

/** Whether any session waits. */
export function isWaiting(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM demands LIMIT 1").toArray().length > 0;
}

/**
 * Reason and place in the queue of those sessions that wait, by id. Computed on request from the last evaluation, so that a queue that
 * moves on writes nothing. Reads O(place) index entries per session.
 */
export function waitingReasons(sql: SqlStorage, ids: string[]): Record<string, string> {
  const rows = sql.exec<{ id: string; reason: string | null; place: number }>(
    `SELECT s.id, d.reason,
       (SELECT COUNT(*) FROM sessions b WHERE b.demand IS NOT NULL AND b.priority > s.priority)
       + (SELECT COUNT(*) FROM sessions b WHERE b.demand IS NOT NULL AND b.priority = s.priority AND b.seq <= s.seq) AS place
     FROM sessions s JOIN demands d ON d.id = s.demand WHERE s.id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(ids),
  );
  const reasons = rows.toArray().map(({ id, reason, place }) => [id, waitingReason(reason, place)] as const);
  return Object.fromEntries(reasons);
}

/** Puts a session back into the queue, at the place of its arrival, with its full patience and queueTimeout. `nodes`: those at fault. */
export function planAgain(sql: SqlStorage, row: SessionRow, nodes: string[], now: number): void {
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

/** An existing demand is evaluated again, since this session may stand before the others. */
function enqueue(sql: SqlStorage, id: string, now: number): void {
  const { demand } = sql
    .exec<{ demand: number }>(
      `INSERT INTO demands (spec, avoid) SELECT spec, avoid FROM sessions WHERE id = ?
       ON CONFLICT (spec, avoid) DO UPDATE SET current = 0 RETURNING id AS demand`,
      id,
    )
    .one();
  sql.exec(
    "UPDATE sessions SET demand = ?1, waits_since = ?2, waits_until = ?2 + queue_timeout * 1000 WHERE id = ?3",
    demand,
    now,
    id,
  );
}

/** Takes a session out of the queue. */
export function dequeue(sql: SqlStorage, id: string): void {
  const demand = sessionRow(sql, id)?.demand;
  if (demand === null || demand === undefined) return;
  sql.exec("UPDATE sessions SET demand = NULL, waits_since = NULL, waits_until = NULL WHERE id = ?", id);
  sql.exec(
    "DELETE FROM demands WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM sessions WHERE demand = ?1)",
    demand,
  );
}

interface DemandRow extends Record<string, SqlStorageValue> {
  spec: string;
  avoid: string;
  reason: string | null;
  lacks: Evaluation["lacks"] | null;
  claim: string | null;
  current: number;
}

function demandOf(sql: SqlStorage, id: number): Demand {
  const { spec, avoid, reason, lacks, claim, current } = sql
    .exec<DemandRow>("SELECT * FROM demands WHERE id = ?", id)
    .one();
  return {
    spec: JSON.parse(spec) as PlannedSpec,
    avoid: JSON.parse(avoid) as Avoid,
    evaluation:
      lacks === null
        ? null
        : { reason: reason!, lacks, claim: claim === null ? null : (JSON.parse(claim) as Claim) },
    current: current === 1,
  };
}
