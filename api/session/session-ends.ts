/** When a container's end ends the session. */
import { type End, isGateClosed, type SessionRecord } from "../../shared/session/session-record.ts";
import type { ContainerRow } from "./container-table.ts";
import type { SessionStore } from "./session-store.ts";

interface ContainersEnd {
  outcome: End;
  reason: string;
  /** The node on which a container ended before the gate opened: a creation that failed. */
  atFault?: string;
  /** main1's, if it is main1 that ended. */
  exitCode?: number;
}

/**
 * The session's end because of stopped containers; undefined while the session goes on. `main1` ends the session, unless its role ignores
 * ends (`onExit`). A container that something other than Skein removed fails every session.
 */
export function containersEnd(store: SessionStore, record: SessionRecord): ContainersEnd | undefined {
  const ignoring = new Set(
    store.spec().roles.flatMap(({ name, onExit }) => (onExit === "ignore" ? [name] : [])),
  );
  for (const row of store.containers.stopped()) {
    const where = `${row.host} on ${store.parts.of(row.node)!.name}`;
    if (row.status === "lost") {
      const what = "the container is gone, and Skein did not remove it";
      return { outcome: "failed", reason: `${where}: ${what}${detail(row)}` };
    }
    if (isGateClosed(record)) {
      const reason = `${where} ended with ${code(row)} before the session ran${detail(row)}`;
      return { outcome: "failed", reason, atFault: row.node };
    }
    if (ignoring.has(roleOf(row))) continue;
    const exitCode = row.rank === 0 && row.exit_code !== null ? { exitCode: row.exit_code } : {};
    if (row.exit_code !== 0) {
      const reason = `${where} ended with ${code(row)}${detail(row)}: see its output`;
      return { outcome: "failed", reason, ...exitCode };
    }
    if (row.rank === 0)
      return { outcome: "terminated", reason: `${where} ended with exit code 0`, ...exitCode };
  }
  return undefined;
}

/** The role's name ends with a letter, so the digits at the end are the index. */
function roleOf({ host }: ContainerRow): string {
  return host.replace(/\d+$/, "");
}

function code({ exit_code }: ContainerRow): string {
  return exit_code === null ? "an unknown exit code" : `exit code ${exit_code}`;
}

function detail({ reason }: ContainerRow): string {
  return reason === null ? "" : ` (${reason})`;
}
