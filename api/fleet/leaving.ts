/** Nodes that leave the fleet or are lost. Fleet notifies the sessions that have a part there. */
import { SkeinError } from "../../shared/errors/errors.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { FromFleet } from "../platform/messages.ts";
import { linkNumberOf } from "../platform/objects.ts";
import { linkTarget, sessionTarget } from "./fleet-mail.ts";
import { findNode, type NodeRow } from "./node-table.ts";
import { releaseNode, sessionsOn } from "./reservations.ts";

/** Forgets a node; with force also a node that has work. Returns its last row. @throws SkeinError `not_found`, `node_busy`. */
export function forgetNode(
  sql: SqlStorage,
  mailbox: Mailbox<FromFleet>,
  idOrName: string,
  force: boolean,
): NodeRow {
  const row = findNode(sql, idOrName);
  const { id, name } = row;
  const busy = sessionsOn(sql, id);
  if (busy.length > 0 && !force) {
    const many = busy.length === 1 ? "a session" : `${busy.length} sessions`;
    throw new SkeinError(
      "node_busy",
      `${name} holds ${many} (${busy.slice(0, 3).join(", ")}): end them first, or add ?force=true`,
    );
  }
  for (const session of releaseNode(sql, id)) {
    mailbox.post(sessionTarget(session), { kind: "nodeGone", node: id, name });
  }
  sql.exec("DELETE FROM nodes WHERE id = ?", id);
  mailbox.post(linkTarget(linkNumberOf(id)), { kind: "dropNode" }, id);
  return row;
}

/** Its lease is over. */
export function tellLoss(
  sql: SqlStorage,
  mailbox: Mailbox<FromFleet>,
  { id, name, heard_at }: NodeRow,
  now: number,
): void {
  const seconds = Math.round((now - (heard_at ?? now)) / 1000);
  for (const session of sessionsOn(sql, id)) {
    mailbox.post(sessionTarget(session), { kind: "nodeLost", node: id, name, seconds });
  }
}
