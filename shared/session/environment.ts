/**
 * The environment of every container: the variables Backend.AI documents under "Cluster Networking"
 * (HOSTS in rank order, which Backend.AI itself leaves open), and Skein's own.
 */
import type { SessionSpec } from "../request/spec.ts";

export interface Seat {
  host: string;
  role: string;
  /** 1-based within the role. */
  index: number;
  /** 0-based over the session. */
  rank: number;
}

/** All containers of a spec in rank order: `main` first, then the roles as given, index ascending. */
export function seatsOf(spec: Pick<SessionSpec, "roles">): Seat[] {
  return spec.roles
    .flatMap(({ name, replicas }) =>
      Array.from({ length: replicas }, (_, i) => ({ role: name, index: i + 1 })),
    )
    .map(({ role, index }, rank) => ({ host: `${role}${index}`, role, index, rank }));
}

/**
 * Each seat's `BACKENDAI_CLUSTER_*` and `SKEIN_*` variables over the user's own. `session` is missing in a dry
 * run. O(containers) strings; HOSTS and REPLICAS are built once.
 */
export function environmentsOf(
  spec: SessionSpec,
  session?: { id: string; name: string },
): Map<string, Record<string, string>> {
  const seats = seatsOf(spec);
  const shared = {
    BACKENDAI_CLUSTER_SIZE: String(seats.length),
    BACKENDAI_CLUSTER_HOSTS: seats.map((seat) => seat.host).join(","),
    BACKENDAI_CLUSTER_REPLICAS: spec.roles.map(({ name, replicas }) => `${name}:${replicas}`).join(","),
    ...(session ? { SKEIN_SESSION_ID: session.id, SKEIN_SESSION_NAME: session.name } : {}),
  };
  const userEnv = new Map(spec.roles.map((role) => [role.name, role.env]));
  return new Map(
    seats.map((seat) => [
      seat.host,
      {
        ...userEnv.get(seat.role),
        ...shared,
        BACKENDAI_CLUSTER_HOST: seat.host,
        BACKENDAI_CLUSTER_IDX: String(seat.index),
        BACKENDAI_CLUSTER_ROLE: seat.role,
        BACKENDAI_CLUSTER_LOCAL_RANK: String(seat.rank),
      },
    ]),
  );
}
