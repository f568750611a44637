/** What a commit of the Session changed, as events for those who follow it. */
import type { ContainerChanged, StreamEvent } from "../../shared/session/event-schemas.ts";
import type { SessionRecord } from "../../shared/session/session-record.ts";
import { containerEvent, isSessionChange, sessionEvent } from "../../shared/session/stream-events.ts";
import type { ContainerChange, ContainerRow } from "./container-table.ts";
import type { SessionStore } from "./session-store.ts";
import { lostWith } from "./session-view.ts";

interface Told {
  /** To store, in order. */
  events: StreamEvent[];
  /** How far pulls are: not stored. */
  progress: ContainerChanged[];
}

/**
 * O(changed containers), and those of nodes that were lost or came back. `time` is RFC 3339. A cause comes before its effect: containers
 * before what they do to the session, but a new plan before its containers.
 */
export function eventsOf(
  store: SessionStore,
  before: SessionRecord,
  after: SessionRecord,
  changes: readonly ContainerChange[],
  time: string,
): Told {
  const names = new Map<string, string | null>();
  const nameOf = (node: string) => {
    if (!names.has(node)) names.set(node, store.parts.of(node)?.name ?? null);
    return names.get(node)!;
  };
  const told: Told = { events: [], progress: [] };
  for (const change of [...changes, ...moved(store, before, after, changes)]) {
    const now = shown(change.after, after);
    const was = change.before && shown(change.before, before);
    if (was && was.status === now.status && was.reason === now.reason && was.exitCode === now.exitCode)
      continue;
    const { host, node } = change.after;
    const data = { time, sessionId: after.id, host, node: nameOf(node), ...now };
    const pulls = was?.status === "pulling" && now.status === "pulling" && was.exitCode === now.exitCode;
    if (pulls) told.progress.push(data);
    else told.events.push(containerEvent(data));
  }
  if (isSessionChange(before, after)) {
    const event = sessionEvent(after, time);
    if (before.epoch === after.epoch) told.events.push(event);
    else told.events.unshift(event);
  }
  return told;
}

/** Containers that show otherwise only because their node was lost or came back. */
function moved(
  store: SessionStore,
  before: SessionRecord,
  after: SessionRecord,
  changes: readonly ContainerChange[],
): ContainerChange[] {
  if (before.lost === after.lost) return [];
  const nodes = Object.keys({ ...before.lost, ...after.lost });
  const known = new Set(changes.map(({ after: { rank } }) => rank));
  return nodes
    .filter((node) => before.lost[node] !== after.lost[node])
    .flatMap((node) => store.containers.on(node))
    .filter(({ rank }) => !known.has(rank))
    .map((row) => ({ before: row, after: row }));
}

/** As the Session shows it (session-view.ts). */
function shown(row: ContainerRow, record: SessionRecord) {
  const { status, reason, exit_code: exitCode } = row;
  return { status, reason, exitCode, ...lostWith(row, record) };
}
