/**
 * From plan to running: maps a plan or a node's report to an event, and changes the store. These functions return the next record. Other
 * files send it to nodes and Fleet, from the store.
 */
import type { ContainerReport, Failure, Report } from "../../shared/protocol/protocol.ts";
import type { PlanFailure } from "../../shared/session/failure.ts";
import { CONTAINER_STATES } from "../../shared/session/lifecycle.ts";
import {
  isAtGate,
  isGateClosed,
  needsNodes,
  type SessionRecord,
} from "../../shared/session/session-record.ts";
import { transition } from "../../shared/session/transition.ts";
import type { Start } from "../platform/messages.ts";
import { type ContainerRow, keysText } from "./container-table.ts";
import { endOfDuration } from "./max-duration.ts";
import { type PartRow, RANK_OF } from "./part-table.ts";
import { checkRemoved, commandEnded, failOrReplan, terminate } from "./removal.ts";
import { containersEnd } from "./session-ends.ts";
import type { SessionStore } from "./session-store.ts";

/** Advice for each kind of failure. */
const REMEDIES: Record<Failure["code"], string> = {
  image:
    "check the image's name, and that the node can pull it or has it; a private one needs its registry's credentials (skein registry ls)",
  network_conflict: "free the address range on the node, or remove what holds it",
  disk_full: "free space on that node's disk",
  create: "check the session's user, workdir and resources against the node",
  start: "check the command and the image",
  proof: "check that the nodes reach each other at their addresses",
  internal: "see the agent's log on the node",
};

/** Begins a plan. Changes nothing if the plan came before, or the session no longer waits for one. */
export function begin(store: SessionStore, record: SessionRecord, start: Start, now: number): SessionRecord {
  const { epoch } = start;
  if (record.status !== "pending" || epoch <= record.epoch) return record;
  const next = transition(record, { kind: "begun", epoch, at: now });
  store.begin(record, start);
  return next;
}

/** Applies a node's report. `done`: the node may forget this session. */
export function takeReport(
  store: SessionStore,
  record: SessionRecord,
  node: string,
  report: Report,
  now: number,
): { record: SessionRecord; done: boolean } {
  const part = store.parts.of(node);
  if (!part || report.epoch !== part.epoch) return { record, done: false };
  const done = report.phase === "removed";
  if (part.reached === RANK_OF.removed) return { record, done };
  return { record: afterReport(store, record, part, report, now), done };
}

function afterReport(
  store: SessionStore,
  record: SessionRecord,
  part: PartRow,
  report: Report,
  now: number,
): SessionRecord {
  let next = record;
  if (record.lost[part.node] !== undefined)
    next = transition(next, { kind: "nodeReturned", node: part.node });
  // For an earlier plan only the removal counts.
  const current = part.epoch === record.epoch;
  if (current) takeContainers(store, part.node, report, record.status === "preparing");
  if (current && record.status === "preparing") next = transition(next, { kind: "progressed", at: now });
  if (report.sshKeys !== undefined) store.parts.tookSshKeys(part.epoch, part.node, report.sshKeys);
  const rank = RANK_OF[report.phase];
  if (part.reached < rank) {
    store.parts.reached(part.epoch, part.node, rank);
    if (report.phase === "removed") next = transition(next, { kind: "partRemoved" });
  }
  if (current && needsNodes(next)) next = advance(store, next, part, report, now);
  return checkRemoved(store, next, now);
}

/** Identities are sent once all nodes are prepared. Until then a recreated container may replace its own. */
function takeContainers(store: SessionStore, node: string, report: Report, preparing: boolean): void {
  const reports = new Map(report.containers.map((each) => [each.host, each]));
  const identities = new Map((report.identities ?? []).map((each) => [each.host, each]));
  const removed = report.phase === "removed";
  for (const row of store.containers.on(node)) {
    const identity = identities.get(row.host);
    const after = merged(row, reports.get(row.host), removed);
    if (identity && (preparing || row.keys === null)) after.keys = keysText(identity);
    if (Object.keys(after).some((key) => after[key] !== row[key])) store.containers.put(after, row);
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

/** A report on the current plan: a failure, an end, or the next phase. */
function advance(
  store: SessionStore,
  record: SessionRecord,
  part: PartRow,
  { phase, failure }: Report,
  now: number,
): SessionRecord {
  if (phase === "removed") {
    const reason = `node ${part.name} removed its part without being asked; see the agent's log there`;
    return terminate(store, record, "failed", reason, now);
  }
  if (failure) return failOrReplan(store, record, planFailure(part, failure), now);
  const end = containersEnd(store, record);
  if (!end) return climb(store, record, now);
  const { outcome, reason, atFault, exitCode } = end;
  if (atFault !== undefined) return failOrReplan(store, record, { reason, atFault: [atFault] }, now);
  if (exitCode !== undefined) return commandEnded(store, record, { outcome, reason, exitCode }, now);
  return terminate(store, record, outcome, reason, now);
}

function planFailure({ node, name }: PartRow, { code, host, message }: Failure): PlanFailure {
  const where = host ? `${host} on ${name}` : `node ${name}`;
  return {
    reason: `${where}: ${message}; ${REMEDIES[code]}`,
    atFault: [node],
    networkConflict: code === "network_conflict",
  };
}

/** Its start is requested: a session at its gate goes on, and another one does not wait there. Changes nothing the second time. */
export function requestStart(store: SessionStore, record: SessionRecord, now: number): SessionRecord {
  if (record.mayStart) return record;
  return climb(store, transition(record, { kind: "startRequested", at: now }), now);
}

/** Asks all nodes for the next phase once all have reached the one before. */
function climb(store: SessionStore, record: SessionRecord, now: number): SessionRecord {
  const all = (rank: number) => store.parts.allReached(record.epoch, rank);
  let next = record;
  if (next.status === "preparing" && all(RANK_OF.prepared) && store.containers.allIdentified()) {
    next = transition(next, { kind: "prepared", at: now });
    store.parts.want(record.epoch, RANK_OF.started);
  }
  if (next.status === "starting" && isGateClosed(next) && all(RANK_OF.started)) {
    if (!next.mayStart) return isAtGate(next) ? next : transition(next, { kind: "gateReached", at: now });
    next = transition(next, { kind: "started", at: now });
    store.parts.want(record.epoch, RANK_OF.running);
  }
  if (next.status === "starting" && all(RANK_OF.running)) {
    next = transition(next, { kind: "running", runsUntil: endOfDuration(store, now) });
  }
  return next;
}
