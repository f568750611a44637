/** The `assign` frames of a Session, from what it stored when the plan began: nothing is derived again. */
import type { Assign, Held } from "../../shared/protocol/protocol.ts";
import type { SessionRecord } from "../../shared/session/session-record.ts";
import { frameOf, type Word } from "../platform/messages.ts";
import { type PartRow, phaseOf, RANK_OF } from "./part-table.ts";
import type { SessionStore } from "./session-store.ts";

/**
 * The next frame for a node. The first frame of an epoch carries the assignment, the one for `started` the keys. A node whose link was down
 * then asks for them in its hello.
 */
export function wordOf(store: SessionStore, record: SessionRecord, part: PartRow): Word {
  return word(store, record, part, part.wanted === RANK_OF.prepared, part.wanted === RANK_OF.started);
}

/** The frame for a node that connects: with the parts of assignment and keys that are missing in `held`. */
export function welcomeFrame(
  store: SessionStore,
  record: SessionRecord,
  part: PartRow,
  held: Held | undefined,
): string {
  const removed = part.wanted === RANK_OF.removed;
  const has = held?.epoch === part.epoch;
  const withPart = !removed && !has;
  const withKeys = !removed && part.wanted >= RANK_OF.started && !(has && held.keys);
  return frameOf(word(store, record, part, withPart, withKeys), {
    ...(withPart ? { layout: store.layout() } : {}),
    ...(withKeys ? { keys: store.containers.keys() } : {}),
  });
}

function word(
  store: SessionStore,
  record: SessionRecord,
  part: PartRow,
  withPart: boolean,
  withKeys: boolean,
): Word {
  const { node, epoch } = part;
  const phase = phaseOf(part.wanted);
  const head: Assign = { type: "assign", session: record.id, epoch, phase };
  const text = JSON.stringify(phase === "removed" ? { ...head, force: record.force } : head);
  return {
    node,
    head: text.slice(0, -1),
    ...(withPart ? { part: store.part(node) } : {}),
    withKeys,
  };
}
