/** The `assign` frames of a Session, from what it stored when the plan began: nothing is derived again. */
import type { Assign, Held } from "../../shared/protocol/protocol.ts";
import type { SessionRecord } from "../../shared/session/session-record.ts";
import { frameOf, type Word } from "../platform/messages.ts";
import { type Opened, registriesOf, withSecrets } from "./opened.ts";
import { type PartRow, phaseOf, RANK_OF } from "./part-table.ts";
import type { SessionStore } from "./session-store.ts";

/** Whether a frame for this part needs what {@link Opened} holds. `held`: what the node has of the session. */
export function isOpening(part: PartRow, held?: Held): boolean {
  return part.wanted === RANK_OF.prepared || (part.wanted !== RANK_OF.removed && held?.epoch !== part.epoch);
}

/**
 * The next frame for a node. The first frame of an epoch carries the assignment, the one for `started` the keys. Users' keys come until the
 * node has confirmed them. A node whose link was down then asks for all that in its hello.
 */
export function wordOf(store: SessionStore, record: SessionRecord, part: PartRow, opened: Opened): Word {
  return word(store, record, part, opened, {
    withPart: part.wanted === RANK_OF.prepared && part.reached < part.wanted,
    withKeys: part.wanted === RANK_OF.started,
    withSshKeys: part.wanted !== RANK_OF.removed && part.ssh_keys < store.sshKeys().length,
  });
}

/** The frame for a node that connects: with the parts of assignment and keys that are missing in `held`. */
export function welcomeFrame(
  store: SessionStore,
  record: SessionRecord,
  part: PartRow,
  held: Held | undefined,
  opened: Opened,
): string {
  const removed = part.wanted === RANK_OF.removed;
  const has = held?.epoch === part.epoch;
  const withPart = !removed && !has;
  const withKeys = !removed && part.wanted >= RANK_OF.started && !(has && held.keys);
  const sshKeys = store.sshKeys();
  const withSshKeys = !removed && ((has && held.sshKeys) || 0) < sshKeys.length;
  return frameOf(word(store, record, part, opened, { withPart, withKeys, withSshKeys }), {
    ...(withPart ? { layout: store.layout() } : {}),
    ...(withKeys ? { keys: store.containers.keys() } : {}),
    ...(withSshKeys ? { sshKeys: JSON.stringify(sshKeys) } : {}),
  });
}

function word(
  store: SessionStore,
  record: SessionRecord,
  part: PartRow,
  opened: Opened,
  { withPart, ...keys }: { withPart: boolean } & Pick<Word, "withKeys" | "withSshKeys">,
): Word {
  const { node, epoch } = part;
  const phase = phaseOf(part.wanted);
  const registries = phase === "prepared" ? registriesOf(store.part(node), opened) : [];
  const head: Assign = {
    type: "assign",
    session: record.id,
    epoch,
    phase,
    ...(registries.length > 0 ? { registries } : {}),
  };
  const text = JSON.stringify(phase === "removed" ? { ...head, force: record.force } : head);
  return {
    node,
    head: text.slice(0, -1),
    ...(withPart ? { part: JSON.stringify(withSecrets(store.part(node), opened)) } : {}),
    ...keys,
  };
}
