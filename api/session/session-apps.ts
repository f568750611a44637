/** A session's apps, as browsers reach them, and the links that were used. */
import type { SessionRecord } from "../../shared/session/session-record.ts";
import type { AppReach } from "../platform/messages.ts";
import type { SessionStore } from "./session-store.ts";

export function appReach(store: SessionStore, record: SessionRecord, name: string): AppReach {
  const { id, name: session, status, epoch } = record;
  const apps = store.spec().apps ?? [];
  return {
    session: { id, name: session, status },
    app: apps.find((each) => each.name === name),
    names: apps.map((each) => each.name),
    node: status === "running" ? nodeOfMain(store, record, epoch) : undefined,
  };
}

function nodeOfMain(store: SessionStore, { lost }: SessionRecord, epoch: number): AppReach["node"] {
  const row = store.containers.first();
  if (row?.status !== "running" || lost[row.node] !== undefined) return undefined;
  const node = store.plan(epoch)?.nodes.find(({ id }) => id === row.node);
  return node && { id: node.id, name: node.name };
}

/** Made with the first link, since few sessions have one. Used links are remembered for as long as they would be good. */
const USED_LINKS = "CREATE TABLE IF NOT EXISTS used_links (id TEXT PRIMARY KEY, until INTEGER NOT NULL)";

export function spendAppLink(sql: SqlStorage, id: string, until: number, now: number): boolean {
  sql.exec(USED_LINKS);
  sql.exec("DELETE FROM used_links WHERE until <= ?", now);
  const used = sql.exec("INSERT OR IGNORE INTO used_links (id, until) VALUES (?, ?) RETURNING id", id, until);
  return used.toArray().length > 0;
}
