/**
 * The environment of every container: the variables Backend.AI documents under "Cluster Networking"
 * (HOSTS in rank order, which Backend.AI itself leaves open), and Skein's own.
 */
import { beside, familiesOf, type Seat, variablesOf } from "../frameworks/frameworks.ts";
import type { RoleSpec, SessionSpec } from "../request/spec.ts";

/** One container of a session, by its place in it. */
export interface Replica {
  host: string;
  role: string;
  /** 1-based within the role. */
  index: number;
  /** 0-based over the session. */
  rank: number;
}

/** All containers of a spec in rank order: `main` first, then the roles as given, index ascending. */
export function replicasOf(spec: { roles: readonly Pick<RoleSpec, "name" | "replicas">[] }): Replica[] {
  return spec.roles
    .flatMap(({ name, replicas }) =>
      Array.from({ length: replicas }, (_, i) => ({ role: name, index: i + 1 })),
    )
    .map(({ role, index }, rank) => ({ host: `${role}${index}`, role, index, rank }));
}

/**
 * By host: the `BACKENDAI_CLUSTER_*` and `SKEIN_*` variables, which win over the user's own. A dry run has no
 * `session`. O(containers) strings; HOSTS and REPLICAS are built once.
 */
export function environmentsOf(
  spec: SessionSpec,
  session?: { id: string; name: string },
): Map<string, Record<string, string>> {
  const replicas = replicasOf(spec);
  const shared = {
    BACKENDAI_CLUSTER_SIZE: String(replicas.length),
    BACKENDAI_CLUSTER_HOSTS: replicas.map((replica) => replica.host).join(","),
    BACKENDAI_CLUSTER_REPLICAS: spec.roles.map(({ name, replicas }) => `${name}:${replicas}`).join(","),
    ...(session ? { SKEIN_SESSION_ID: session.id, SKEIN_SESSION_NAME: session.name } : {}),
  };
  const userEnv = new Map(spec.roles.map((role) => [role.name, role.env]));
  return new Map(
    replicas.map((replica) => [
      replica.host,
      {
        ...userEnv.get(replica.role),
        ...shared,
        BACKENDAI_CLUSTER_HOST: replica.host,
        BACKENDAI_CLUSTER_IDX: String(replica.index),
        BACKENDAI_CLUSTER_ROLE: replica.role,
        BACKENDAI_CLUSTER_LOCAL_RANK: String(replica.rank),
      },
    ]),
  );
}

/**
 * By host: the variables for launchers, as far as the request has no value of its own. An image's own values win over them too, but only the
 * nodes know those. `subnet` is the session's.
 */
export function launcherVariablesOf(spec: SessionSpec, subnet: string): Map<string, Record<string, string>> {
  const replicas = replicasOf(spec);
  const roles = new Map(
    spec.roles.map((role) => [role.name, { ...role, families: familiesOf(role.frameworks) }]),
  );
  const among = spec.roles.some(({ hostNetwork }) => hostNetwork) ? subnet : undefined;
  const rdma = spec.roles.some(mayUseRdma);
  return new Map(
    replicas.map(({ host, role, rank }) => {
      const { families, resources, env } = roles.get(role)!;
      const seat: Seat = { rank, size: replicas.length, cpu: resources.cpu, among, rdma };
      return [host, beside(variablesOf(families, seat), env)];
    }),
  );
}

/** By a device of its own (the kernel has them in `/dev/infiniband`), or by all of the node's. */
function mayUseRdma({ devices = [], privileged }: RoleSpec): boolean {
  return privileged === true || devices.some((path) => path.startsWith("/dev/infiniband"));
}
