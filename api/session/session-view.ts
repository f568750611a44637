/** The Session as the API shows it. */
import { networkView } from "../../shared/plan/plan-view.ts";
import type { SessionKeys } from "../../shared/protocol/assignment.ts";
import { SESSION_STATES } from "../../shared/session/lifecycle.ts";
import { pendingView } from "../../shared/session/planned-view.ts";
import type { SessionRecord } from "../../shared/session/session-record.ts";
import type { ContainerView, SessionView } from "../../shared/session/session-schemas.ts";
import { ed25519Line } from "../../shared/ssh/public-key.ts";
import type { ContainerRow } from "./container-table.ts";
import type { SessionStore } from "./session-store.ts";

export function sessionView(store: SessionStore, record: SessionRecord): SessionView {
  const { status, reason, epoch, startedAt, endedAt, exitCode } = record;
  const { live } = SESSION_STATES[status];
  // A session that waits for another plan does not show the one that failed.
  const planned = epoch > 0 && status !== "pending";
  const plan = planned ? store.plan(epoch) : undefined;
  const rows = new Map((planned ? store.containers.all() : []).map((row) => [row.rank, row]));
  const names = new Map(plan?.nodes.map(({ id, name }) => [id, name]));
  const placed = new Map(plan?.containers.map((each) => [each.rank, each]));
  const pending = pendingView(store.spec(), record);
  return {
    ...pending,
    status,
    reason,
    epoch,
    network: plan ? networkView(plan.network) : null,
    containers: pending.containers.map((container) => {
      const row = rows.get(container.rank);
      // A session that ended without a plan has left nothing.
      if (!row) return live ? container : { ...container, status: "removed" };
      return {
        ...container,
        nodeId: row.node,
        node: names.get(row.node) ?? null,
        address: placed.get(row.rank)?.address ?? null,
        limits: placed.get(row.rank)?.limits ?? null,
        ...observed(row),
        ...lostWith(row, record),
      };
    }),
    startedAt,
    endedAt: live ? null : endedAt,
    exitCode: live ? null : exitCode,
  };
}

function observed(row: ContainerRow) {
  return {
    status: row.status,
    ssh: sshOf(row),
    containerId: row.container_id,
    exitCode: row.exit_code,
    output: row.output,
    reason: row.reason,
  } satisfies Partial<ContainerView>;
}

function sshOf({ keys }: ContainerRow): ContainerView["ssh"] {
  if (keys === null) return null;
  const [user, hostKey] = JSON.parse(keys) as SessionKeys[number];
  return { user, hostKey: ed25519Line(hostKey) };
}

/** A container on a lost node that the session goes on without. */
export function lostWith(
  { node }: ContainerRow,
  { lost }: Pick<SessionRecord, "lost">,
): Partial<Pick<ContainerView, "status" | "reason">> {
  const reason = lost[node];
  return reason === undefined ? {} : { status: "lost", reason };
}
