/** The Session as the API answers it. */
import { seatsOf } from "../../shared/session/environment.ts";
import { SESSION_STATES } from "../../shared/session/lifecycle.ts";
import type { ContainerView, SessionView } from "../../shared/session/session-schemas.ts";
import type { ContainerRow, SessionRecord, SessionStore } from "./session-store.ts";

export function sessionView(store: SessionStore, record: SessionRecord): SessionView {
  const spec = store.spec();
  // What an earlier plan left behind is no news of a session that waits for another.
  const planned = record.epoch > 0 && record.status !== "pending";
  const plan = planned ? store.plan(record.epoch) : undefined;
  const rows = new Map((planned ? store.containers() : []).map((row) => [row.rank, row]));
  const names = new Map(plan?.nodes.map(({ id, name }) => [id, name]));
  const addresses = new Map(plan?.containers.map(({ rank, address }) => [rank, address]));
  const images = new Map(spec.roles.map(({ name, image }) => [name, image]));
  const seats = seatsOf(spec);
  const { id, name, status, reason, epoch, createdAt, startedAt, endedAt } = record;
  return {
    id,
    name,
    status,
    reason,
    clusterMode: spec.clusterMode,
    clusterSize: seats.length,
    epoch,
    network: plan?.network ?? null,
    containers: seats.map((seat) => {
      const row = rows.get(seat.rank);
      return {
        ...seat,
        nodeId: row?.node ?? null,
        node: (row && names.get(row.node)) ?? null,
        address: addresses.get(seat.rank) ?? null,
        image: images.get(seat.role)!,
        ...observed(row, SESSION_STATES[status].live),
        ...(row && status === "running" && record.lost[row.node] !== undefined
          ? { status: "lost" as const, reason: record.lost[row.node]! }
          : {}),
      };
    }),
    createdAt,
    startedAt,
    endedAt,
  };
}

function observed(
  row: ContainerRow | undefined,
  live: boolean,
): Pick<ContainerView, "status" | "containerId" | "exitCode" | "output" | "reason"> {
  return {
    // Without a plan nothing was ever made: so nothing is left either.
    status: row?.status ?? (live ? "pending" : "removed"),
    containerId: row?.container_id ?? null,
    exitCode: row?.exit_code ?? null,
    output: row?.output ?? null,
    reason: row?.reason ?? null,
  };
}
