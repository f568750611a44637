/** What reaches past a container into its node: nobody has it, unless the node's operator has allowed it there. */
import { type FieldError, SkeinError } from "../errors/errors.ts";
import type { Allowed } from "../node/node-schemas.ts";
import type { RoleSpec } from "./spec.ts";

type Field = keyof Allowed;
/** A role, or one of its containers. */
type Asking = { [F in Field]?: RoleSpec[F] | undefined };

/** For each field: what is asked for and not allowed, as people say it. */
const MISSING: Record<Field, (asked: Allowed, allowed: Allowed) => string[]> = {
  mounts: (asked, allowed) =>
    asked.mounts
      .filter(
        ({ source, readOnly }) =>
          !allowed.mounts.some((mount) => mount.source === source && (readOnly || !mount.readOnly)),
      )
      .map(({ source, readOnly }) => `${readOnly ? "mounting" : "writing to"} ${source}`),
  devices: (asked, allowed) =>
    asked.devices.filter((path) => !allowed.devices.includes(path)).map((path) => `the device ${path}`),
  privileged: (asked, allowed) => (asked.privileged && !allowed.privileged ? ["privileged containers"] : []),
  hostNetwork: (asked, allowed) =>
    asked.hostNetwork && !allowed.hostNetwork ? ["containers on its own network"] : [],
};
const FIELDS = Object.keys(MISSING) as Field[];

/** What a node allows where its operator has said nothing. */
export const NOTHING_ALLOWED: Allowed = { mounts: [], devices: [], privileged: false, hostNetwork: false };

/** What a node has to allow for all of these; undefined: nothing. */
export function reachOf(all: readonly Asking[]): Allowed | undefined {
  const mounts = new Map(
    all.flatMap(({ mounts = [] }) =>
      mounts.map(({ source, readOnly }) => [JSON.stringify([source, readOnly]), { source, readOnly }]),
    ),
  );
  const reach: Allowed = {
    mounts: [...mounts.values()],
    devices: [...new Set(all.flatMap(({ devices = [] }) => devices))],
    privileged: all.some(({ privileged }) => privileged),
    hostNetwork: all.some(({ hostNetwork }) => hostNetwork),
  };
  return missing(reach, NOTHING_ALLOWED).length === 0 ? undefined : reach;
}

/** What is asked for and not allowed: `privileged containers`. Empty where all is allowed. */
export function notAllowed(asked: Allowed | undefined, allowed: Allowed): string[] {
  return asked ? missing(asked, allowed).map(({ what }) => what) : [];
}

/**
 * A session's containers go to nodes that allow all that any of them asks for. `nodes`: what each of the fleet's allows.
 * @throws SkeinError `not_allowed` (403) with the fields, where the fleet has no such node, ready or not.
 */
export function refuseUnlessAllowed(asked: Allowed | undefined, nodes: () => readonly Allowed[]): void {
  if (!asked) return;
  const lacks = nodes().map((allowed) => notAllowed(asked, allowed));
  if (lacks.some(({ length }) => length === 0)) return;
  const all = missing(asked, NOTHING_ALLOWED);
  const nowhere = all.filter(({ what }) => lacks.every((lack) => lack.includes(what)));
  const errors =
    nowhere.length > 0
      ? nowhere.map(({ field, what }): FieldError => {
          const message = `no node of the fleet allows ${what}; its operator starts the agent with --allow for that`;
          return { field, message };
        })
      : all.map(({ field, what }): FieldError => {
          const message = `no one node of the fleet allows ${what} together with all else that is asked for`;
          return { field, message };
        });
  const { field, message } = errors[0]!;
  throw new SkeinError("not_allowed", `${field}: ${message}`, { errors });
}

function missing(asked: Allowed, allowed: Allowed): { field: Field; what: string }[] {
  return FIELDS.flatMap((field) => MISSING[field](asked, allowed).map((what) => ({ field, what })));
}
