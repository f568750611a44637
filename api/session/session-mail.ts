/** Delivers a Session's letters to Fleet and the Links. Their bodies are made at delivery, from the session at that time. */

import type { SessionRecord } from "../../shared/session/session-record.ts";
import type { Letter } from "../mailbox/mailbox.ts";
import type { SessionNews } from "../platform/messages.ts";
import { feedOf, fleetOf, linkAt, linkNumberOf } from "../platform/objects.ts";
import { isOpening, wordOf } from "./assign-frames.ts";
import { NOTHING_OPENED, type Opened } from "./opened.ts";
import { RANK_OF } from "./part-table.ts";
import { afterFleet } from "./removal.ts";
import type { SessionStore } from "./session-store.ts";
import { sessionView } from "./session-view.ts";

export const FLEET = "fleet";
export const FEED = "feed";
/** Events in one call to a Feed. */
const FEED_BATCH = 500;

/** The Link that serves a node. */
export function linkTarget(node: string): string {
  return `link/${linkNumberOf(node)}`;
}

/** Returns the number of the news that Fleet has taken. Rejects if Fleet did not take them. */
export async function tellFleet(
  env: Cloudflare.Env,
  store: SessionStore,
  letters: Letter<undefined>[],
): Promise<number> {
  const record = store.record()!;
  const body = newsOf(store, record);
  await fleetOf(env).sessionNews(
    record.id,
    letters.map(({ seq, subject }) => ({ seq, subject, body })),
  );
  return record.news;
}

/** Sends the project's Feed the events that it has not taken. Rejects if the Feed did not take them. */
export async function tellFeed(env: Cloudflare.Env, store: SessionStore): Promise<void> {
  const { id, project } = store.record()!;
  for (let rows = next(store); rows.length > 0; rows = next(store)) {
    await feedOf(env, project).take(id, rows);
    // The session may be forgotten by now.
    if (store.record()) store.putFed(rows.at(-1)!.seq);
  }
}

function next(store: SessionStore) {
  return store.record() ? store.events.after(store.fed(), FEED_BATCH) : [];
}

/**
 * Sends the nodes of a Link the phases that they have not reached, and users' keys that they lack. `open` is called if that takes what is not stored. Rejects if the Link did
 * not take them.
 */
export async function tellNodes(
  env: Cloudflare.Env,
  store: SessionStore,
  target: string,
  open: () => Promise<Opened>,
): Promise<void> {
  const asked = () =>
    store.parts.asked(store.sshKeys().length).filter(({ node }) => linkTarget(node) === target);
  const opened = asked().some((part) => isOpening(part)) ? await open() : NOTHING_OPENED;
  // As it is now: something else may have happened meanwhile, also the session's end and its removal from the store.
  const record = store.record();
  if (!record) return;
  const words = asked().map((part) => wordOf(store, record, part, opened));
  if (words.length === 0) return;
  await linkAt(env, Number(target.split("/")[1])).assign({
    session: record.id,
    nodesChange: store.nodesChange(),
    words,
    ...(words.some(({ part }) => part !== undefined) ? { layout: store.layout() } : {}),
    ...(words.some(({ withKeys }) => withKeys) ? { keys: store.containers.keys() } : {}),
    ...(words.some(({ withSshKeys }) => withSshKeys) ? { sshKeys: JSON.stringify(store.sshKeys()) } : {}),
  });
}

function newsOf(store: SessionStore, record: SessionRecord): SessionNews {
  const { id, epoch, removed, outcome, avoid } = record;
  const after = afterFleet(record);
  const view = sessionView(store, after);
  return {
    id,
    status: after.status,
    epoch,
    view: JSON.stringify({ ...view, containers: view.containers.map((each) => ({ ...each, output: null })) }),
    removed: store.parts
      .all()
      .filter(({ reached }) => reached === RANK_OF.removed)
      .map(({ epoch: of, node }) => ({ epoch: of, node })),
    replan: removed && outcome === "replan",
    avoid: [...avoid],
  };
}
