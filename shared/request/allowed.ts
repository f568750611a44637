/** Access to the node itself (mounts, devices, …): containers have it only on nodes whose operator allows it. */
import { type FieldError, SkeinError } from "../errors/errors.ts";
import type { Allowed } from "../node/node-schemas.ts";

type Field = keyof Allowed;
/** A role, or one of its containers. */
type Asking = { [F in Field]?: Allowed[F] | undefined };

/** For each field: what is asked for and not allowed, in words. */
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

/** What a node allows unless its operator says otherwise. */
export const NOTHING_ALLOWED: Allowed = { mounts: [], devices: [], privileged: false, hostNetwork: false };

/** What a node has to allow so that all of these can run on it; undefined: nothing. */
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

/** Is all that is asked for allowed? As `notAllowed`, but quick: the planner asks it of each node. */
export function allowsAll(asked: Allowed, allowed: Allowed): boolean {
  return FIELDS.every((field) => MISSING[field](asked, allowed).length === 0);
}

/** What is asked for and not allowed: `privileged containers`. Empty where all is allowed. */
export function notAllowed(asked: Allowed | undefined, allowed: Allowed): string[] {
  return asked ? missing(asked, allowed).map(({ what }) => what) : [];
}

/**
 * A session only runs on nodes that allow all that any of its containers asks for. `nodes`: what each node
 * allows, ready or not.
 * @throws SkeinError `not_allowed` (403) with the fields, where no node of the fleet allows all of it.
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
