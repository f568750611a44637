/** Nodes that leave, forgotten or lost: the sessions that they have a part in are told. */
import { SkeinError } from "../../shared/errors/errors.ts";
import type { NodeNews } from "../platform/messages.ts";
import { findNode } from "./node-table.ts";
import type { Outbox } from "./outbox.ts";
import { releaseNode, sessionsOn } from "./reservations.ts";

/** Forgets a node; by force also one that has work. Its id. @throws SkeinError `not_found`, `node_busy`. */
export function forgetNode(sql: SqlStorage, outbox: Outbox, idOrName: string, force: boolean): string {
  const { id, name } = findNode(sql, idOrName);
  const busy = sessionsOn(sql, id);
  if (busy.length > 0 && !force) {
    const many = busy.length === 1 ? "a session" : `${busy.length} sessions`;
    throw new SkeinError(
      "node_busy",
      `${name} holds ${many} (${busy.slice(0, 3).join(", ")}): end them first, or add ?force=true`,
    );
  }
  for (const session of releaseNode(sql, id)) {
    outbox.add(session, { to: "session", message: { kind: "nodeGone", node: id, name } });
  }
  sql.exec("DELETE FROM nodes WHERE id = ?", id);
  outbox.add(id, { to: "node" });
  return id;
}

/** Its lease is over. */
export function loseNode(sql: SqlStorage, outbox: Outbox, name: string, { id, seenAt }: NodeNews): void {
  const seconds = Math.round((Date.now() - seenAt) / 1000);
  for (const session of sessionsOn(sql, id)) {
    outbox.add(session, { to: "session", message: { kind: "nodeLost", node: id, name, seconds } });
  }
}
