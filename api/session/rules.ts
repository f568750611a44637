/**
 * The rules of a session's life: what a report changes, when the next phase is due, how and why it ends. They only
 * read and write the record and the store; telling others is done elsewhere, from what is written here.
 */

import type { ContainerReport, Failure, Report } from "../../shared/protocol/protocol.ts";
import { CONTAINER_STATES, SESSION_STATES } from "../../shared/session/lifecycle.ts";
import { SETTINGS } from "../../shared/settings/settings.ts";
import type { Start } from "../platform/messages.ts";
import {
  type ContainerRow,
  identityText,
  type PartRow,
  RANK_OF,
  type SessionRecord,
  type SessionStore,
} from "./session-store.ts";

/** What happened, and what to do about it. */
const REMEDIES: Record<Failure["code"], string> = {
  image: "check the image's name, and that the node can pull it or has it",
  network_conflict: "free the address range on the node, or remove what holds it",
  disk_full: "free space on that node's disk",
  create: "check the session's user, workdir and resources against the node",
  start: "check the command and the image",
  proof: "check that the nodes reach each other at their addresses",
  internal: "see the agent's log on the node",
};

/** Takes up a plan. False where it is old, or the session does not wait for one. */
export function begin(
  store: SessionStore,
  record: SessionRecord,
  { epoch, plan }: Start,
  now: number,
): boolean {
  if (record.status !== "pending" || epoch <= record.epoch) return false;
  store.begin(epoch, plan);
  Object.assign(record, {
    status: "preparing",
    reason: null,
    epoch,
    outcome: null,
    settled: false,
    giveUpAt: null,
    lost: {},
    phaseAt: now,
    progressAt: now,
  });
  return true;
}

/**
 * Takes a node's report. Answers what the node has to know: `done`, nothing of this session is its concern any
 * more; `again`, it is behind what it was told long ago.
 */
export function takeReport(
  store: SessionStore,
  record: SessionRecord,
  node: string,
  report: Report,
  now: number,
): "done" | "again" | "noted" {
  const part = store.partOf(node);
  if (!part || report.epoch !== part.epoch) return "noted";
  const rank = RANK_OF[report.phase];
  if (part.reached === RANK_OF.removed) return rank === RANK_OF.removed ? "done" : "again";

  // It is back, with what it still has.
  if (record.lost[node] !== undefined) record.lost = without(record.lost, node);
  const fresh = part.reached < rank;
  // A part of an earlier plan can only still be removed: it moves nothing else.
  const current = part.epoch === record.epoch;
  if (current) takeContainers(store, node, report, record.status === "preparing");
  if (current && record.status === "preparing") record.progressAt = now;
  if (fresh) store.reached(part.epoch, node, rank);
  if (current && ["preparing", "starting", "running"].includes(record.status)) {
    advance(store, record, part, report, now);
  }
  if (fresh && rank === RANK_OF.removed) record.news++;
  settle(store, record);
  return rank === RANK_OF.removed ? "done" : "noted";
}

function without(lost: SessionRecord["lost"], node: string): SessionRecord["lost"] {
  return Object.fromEntries(Object.entries(lost).filter(([id]) => id !== node));
}

/** Until all are prepared, nobody was told any identity: one that was made anew counts. */
function takeContainers(store: SessionStore, node: string, report: Report, preparing: boolean): void {
  const reports = new Map(report.containers.map((each) => [each.host, each]));
  const identities = new Map((report.identities ?? []).map((each) => [each.host, each]));
  const removed = report.phase === "removed";
  for (const row of store.containersOn(node)) {
    const identity = identities.get(row.host);
    const after = merged(row, reports.get(row.host), removed);
    if (identity && (preparing || row.identity === null)) after.identity = identityText(identity);
    if (Object.keys(after).some((key) => after[key] !== row[key])) store.putContainer(after);
  }
}

function merged(row: ContainerRow, said: ContainerReport | undefined, removed: boolean): ContainerRow {
  const status = removed ? "removed" : (said?.status ?? row.status);
  const forward = CONTAINER_STATES[status].order >= CONTAINER_STATES[row.status].order;
  return {
    ...row,
    status: forward ? status : row.status,
    container_id: said?.containerId ?? row.container_id,
    exit_code: said?.exitCode ?? row.exit_code,
    output: said?.output ?? row.output,
    reason: said && forward ? (said.reason ?? null) : row.reason,
  };
}

/** The next phase, or the end, of a session that is on its way up or runs. */
function advance(
  store: SessionStore,
  record: SessionRecord,
  part: PartRow,
  report: Report,
  now: number,
): void {
  const over = endOf(store, part.wanted === RANK_OF.running);
  if (report.phase === "removed") {
    const reason = `node ${part.name} removed its part without being asked; see the agent's log there`;
    terminate(store, record, "failed", reason, now);
  } else if (report.failure) fail(store, record, part, report.failure, now);
  else if (over?.atFault) failOrRetry(store, record, [over.atFault], over.reason, now);
  else if (over) terminate(store, record, over.outcome, over.reason, now);
  else climb(store, record, now);
}

/** Asks the next phase of all nodes once all have reached the one before. It runs once every node has opened its gate. */
function climb(store: SessionStore, record: SessionRecord, now: number): void {
  const all = (rank: number) => store.allReached(record.epoch, rank);
  if (record.status === "preparing" && all(RANK_OF.prepared) && store.allIdentified()) {
    record.status = "starting";
    record.phaseAt = now;
    record.news++;
    store.want(record.epoch, RANK_OF.started);
  }
  if (record.status === "starting" && all(RANK_OF.started)) {
    record.startedAt ??= new Date(now).toISOString();
    store.want(record.epoch, RANK_OF.running);
  }
  if (record.status === "starting" && all(RANK_OF.running)) {
    record.status = "running";
    record.news++;
  }
}

/**
 * How the containers end the session; undefined while they do not. main1's end is the session's own, unless its role
 * says that ends are to be ignored. A container that somebody else removed has not ended: that fails every session.
 */
function endOf(
  store: SessionStore,
  gateOpen: boolean,
): { outcome: "terminated" | "failed"; reason: string; atFault?: string } | undefined {
  const ignoring = new Set(
    store.spec().roles.flatMap(({ name, onExit }) => (onExit === "ignore" ? [name] : [])),
  );
  for (const row of store.stopped()) {
    const where = `${row.host} on ${store.nameOf(row.node)}`;
    if (row.status === "lost") {
      return { outcome: "failed", reason: `${where}: the container is gone, and not by Skein${said(row)}` };
    }
    if (row.status !== "exited") continue;
    if (!gateOpen) {
      const reason = `${where} ended with ${code(row)} before the session ran${said(row)}`;
      return { outcome: "failed", reason, atFault: row.node };
    }
    if (ignoring.has(roleOf(row))) continue;
    if (row.exit_code !== 0) {
      return { outcome: "failed", reason: `${where} ended with ${code(row)}${said(row)}: see its output` };
    }
    if (row.rank === 0) return { outcome: "terminated", reason: `${where} ended with exit code 0` };
  }
  return undefined;
}

/** A role's name ends with a letter, a host's with its index. */
function roleOf({ host }: ContainerRow): string {
  return host.replace(/\d+$/, "");
}

function code({ exit_code }: ContainerRow): string {
  return exit_code === null ? "an unknown exit code" : `exit code ${exit_code}`;
}

function said({ reason }: ContainerRow): string {
  return reason === null ? "" : ` (${reason})`;
}

function fail(
  store: SessionStore,
  record: SessionRecord,
  part: PartRow,
  failure: Failure,
  now: number,
): void {
  const where = failure.host ? `${failure.host} on ${part.name}` : `node ${part.name}`;
  const reason = `${where}: ${failure.message}; ${REMEDIES[failure.code]}`;
  if (
    failure.code === "network_conflict" &&
    record.status !== "running" &&
    record.epoch < SETTINGS.maxEpochs
  ) {
    planAgain(store, record, reason, now);
  } else {
    failOrRetry(store, record, [part.node], reason, now);
  }
}

function planAgain(store: SessionStore, record: SessionRecord, reason: string, now: number): void {
  record.status = "pending";
  record.reason = `planning again, because of ${reason}`;
  removeAll(store, record, "replan", true, now);
}

/**
 * Nodes are at fault: a new plan is asked for that avoids them, where the request has retries left and no command
 * was let start yet; else the session fails.
 */
export function failOrRetry(
  store: SessionStore,
  record: SessionRecord,
  atFault: string[],
  reason: string,
  now: number,
): void {
  const creating =
    record.status === "preparing" || (record.status === "starting" && record.startedAt === null);
  if (!creating || record.retried >= (store.spec().retries ?? 0)) {
    terminate(store, record, "failed", reason, now);
    return;
  }
  record.retried++;
  record.avoid = [...new Set([...record.avoid, ...atFault])];
  planAgain(store, record, reason, now);
}

/** Begins the end. Nothing where it has begun. */
export function terminate(
  store: SessionStore,
  record: SessionRecord,
  outcome: "terminated" | "failed",
  reason: string,
  now: number,
): void {
  if (!SESSION_STATES[record.status].live || record.status === "terminating") return;
  record.status = "terminating";
  record.reason = reason;
  removeAll(store, record, outcome, outcome === "failed", now);
}

function removeAll(
  store: SessionStore,
  record: SessionRecord,
  outcome: NonNullable<SessionRecord["outcome"]>,
  force: boolean,
  now: number,
): void {
  store.want(record.epoch, RANK_OF.removed);
  Object.assign(record, {
    outcome,
    force,
    settled: false,
    phaseAt: now,
    giveUpAt: now + SETTINGS.removalGraceSeconds * 1000,
  });
  record.news++;
  settle(store, record);
}

/** Marks the outcome as due once no part is waited for. */
export function settle(store: SessionStore, record: SessionRecord): void {
  if (record.outcome === null || record.settled) return;
  if (!store.allRemoved()) return;
  record.settled = true;
  record.giveUpAt = null;
  record.news++;
}

/** The outcome comes true: Fleet has taken it, so that what the session held is free for the next. */
export function conclude(store: SessionStore, record: SessionRecord, now: number): void {
  if (record.outcome === "replan") {
    Object.assign(record, { outcome: null, settled: false });
    return;
  }
  record.status = record.outcome!;
  record.outcome = null;
  record.endedAt = new Date(now).toISOString();
  for (const row of store.containers()) {
    if (row.status !== "removed")
      store.putContainer({ ...row, status: "lost", reason: "its node has not confirmed its removal" });
  }
}
