/** What reaches past a container into its node: nobody has it, unless the node's operator has allowed it there. */
import { type FieldError, SkeinError } from "./errors.ts";
import type { Allowed } from "./node-schemas.ts";
import type { RoleSpec } from "./spec.ts";

/** The part of a role that reaches past its containers. */
type Field = "mounts" | "devices" | "privileged" | "hostNetwork";
export type Reach = { [F in Field]?: RoleSpec[F] | undefined };

/** For each field: what a role asks for that a node does not allow, as people say it. */
const MISSING: Record<Field, (asked: Reach, allowed: Allowed) => string[]> = {
  mounts: ({ mounts = [] }, allowed) =>
    mounts
      .filter(
        ({ source, readOnly }) =>
          !allowed.mounts.some((mount) => mount.source === source && (readOnly || !mount.readOnly)),
      )
      .map(({ source, readOnly }) => `${readOnly ? "mounting" : "writing to"} ${source}`),
  devices: ({ devices = [] }, allowed) =>
    devices.filter((path) => !allowed.devices.includes(path)).map((path) => `the device ${path}`),
  privileged: ({ privileged }, allowed) =>
    privileged && !allowed.privileged ? ["privileged containers"] : [],
  hostNetwork: ({ hostNetwork }, allowed) =>
    hostNetwork && !allowed.hostNetwork ? ["containers on its own network"] : [],
};
const FIELDS = Object.keys(MISSING) as Field[];

/** What a node allows where its operator has said nothing. */
export const NOTHING_ALLOWED: Allowed = { mounts: [], devices: [], privileged: false, hostNetwork: false };

/** What these roles ask for and the node does not allow, each once: `privileged containers`. Empty where it allows all. */
export function notAllowed(roles: readonly Reach[], allowed: Allowed): string[] {
  return [...missing(roles, allowed).keys()];
}

/** What these roles ask for at all. */
export function askedReach(roles: readonly Reach[]): string[] {
  return notAllowed(roles, NOTHING_ALLOWED);
}

/**
 * A session's containers go to nodes that allow all that any of them asks for. `nodes`: what each of the fleet's allows.
 * @throws SkeinError `not_allowed` (403) with the fields, where the fleet has no such node, ready or not.
 */
export function refuseUnlessAllowed(roles: readonly Reach[], nodes: () => readonly Allowed[]): void {
  const asked = missing(roles, NOTHING_ALLOWED);
  if (asked.size === 0) return;
  const lacks = nodes().map((allowed) => missing(roles, allowed));
  if (lacks.some(({ size }) => size === 0)) return;
  const nowhere = [...asked].filter(([what]) => lacks.every((lack) => lack.has(what)));
  const errors = (nowhere.length > 0 ? nowhere : [...asked]).map(
    ([what, field]): FieldError => ({
      field,
      message:
        nowhere.length > 0
          ? `no node of the fleet allows ${what}; its operator starts the agent with --allow for that`
          : `no one node of the fleet allows ${what} together with all else that is asked for`,
    }),
  );
  const { field, message } = errors[0]!;
  throw new SkeinError("not_allowed", `${field}: ${message}`, { errors });
}

function missing(roles: readonly Reach[], allowed: Allowed): Map<string, Field> {
  const all = roles.flatMap((role) =>
    FIELDS.flatMap((field) => MISSING[field](role, allowed).map((what) => [what, field] as const)),
  );
  return new Map(all);
}
