/** The part of a session's spec that decides where its containers go. */
import type { RoleSpec, SessionSpec } from "../request/spec.ts";

type PlannedRole = Pick<RoleSpec, "name" | "replicas" | "resources" | "ulimits" | "hostNetwork">;

/** All that the planner and the queue may read: a spec's other fields make no other plan. */
export interface PlannedSpec extends Pick<SessionSpec, "clusterMode" | "placement" | "reach" | "ulimits"> {
  roles: PlannedRole[];
}

/** Drops all other fields, so that equal demands are equal texts. */
export function plannedSpec({ clusterMode, placement, roles, reach, ulimits }: PlannedSpec): PlannedSpec {
  return {
    clusterMode,
    placement,
    roles: roles.map(({ name, replicas, resources, ulimits: ofRole, hostNetwork }) => ({
      name,
      replicas,
      resources,
      ...(ofRole ? { ulimits: ofRole } : {}),
      ...(hostNetwork ? { hostNetwork } : {}),
    })),
    ...(reach ? { reach } : {}),
    ...(ulimits ? { ulimits } : {}),
  };
}
