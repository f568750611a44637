/** The rules of a request that concern more than one field, and what this version cannot do yet. */
import { type FieldError, fieldPath } from "../errors/errors.ts";
import type { Settings } from "../settings/settings.ts";
import { parseBytes } from "../text/units.ts";
import type { SessionRequest } from "./request-schemas.ts";

type RoleRequest = NonNullable<SessionRequest["roles"]>[number];

/** Roles as given, or what `clusterSize` is short for: one `main` and the rest `sub`. */
export function requestedRoles(request: SessionRequest): RoleRequest[] {
  if (request.roles) return request.roles;
  const size = request.clusterSize ?? 1;
  return [{ name: "main", replicas: 1 }, ...(size > 1 ? [{ name: "sub", replicas: size - 1 }] : [])];
}

export function ruleErrors(request: SessionRequest): FieldError[] {
  const { roles, image } = request;
  return [
    ...(roles && request.clusterSize !== undefined
      ? [{ field: "clusterSize", message: "excludes roles: give one of them" }]
      : []),
    ...levelErrors([], request),
    ...(roles ?? []).flatMap((role, i) => levelErrors(["roles", i], role)),
    ...(roles || image !== undefined ? [] : [{ field: "image", message: "is needed" }]),
    ...(roles ? roleErrors(roles, image) : []),
    ...secretErrors(request),
    ...appErrors(request),
    ...restartErrors(request),
    ...egressErrors(request),
  ];
}

/** Names in both `env` and `secretEnv`: which of the two counts would be a guess. At the top, or once a role has inherited. */
function secretErrors(request: SessionRequest): FieldError[] {
  const atTop = namesInBoth(request.env, request.secretEnv);
  const message = "is in env, too; give it in one of them";
  return [
    ...atTop.map((name) => ({ field: fieldPath(["secretEnv", name]), message })),
    ...(request.roles ?? []).flatMap((role, i) =>
      namesInBoth({ ...request.env, ...role.env }, { ...request.secretEnv, ...role.secretEnv })
        .filter((name) => !atTop.includes(name))
        .map((name) => {
          const isOwn = Object.hasOwn(role.secretEnv ?? {}, name);
          return isOwn
            ? { field: fieldPath(["roles", i, "secretEnv", name]), message }
            : {
                field: fieldPath(["roles", i, "env", name]),
                message: "is in secretEnv, too; give it in one of them",
              };
        }),
    ),
  ];
}

function namesInBoth(env: object = {}, secretEnv: object = {}): string[] {
  return Object.keys(secretEnv).filter((name) => Object.hasOwn(env, name));
}

function appErrors({ apps = [] }: SessionRequest): FieldError[] {
  const names = apps.map(({ name }) => name);
  return names.flatMap((name, i) =>
    names.indexOf(name) < i ? [{ field: `apps[${i}].name`, message: `is given twice: ${name}` }] : [],
  );
}

/** `maxRestarts` without `onExit: "restart"`. At the top it may be meant for a role that has its own `onExit`. */
function restartErrors(request: SessionRequest): FieldError[] {
  const restarts = (level: Pick<RoleRequest, "onExit">) => (level.onExit ?? request.onExit) === "restart";
  const roles = requestedRoles(request);
  const error = (at: PropertyKey[]) => ({
    field: fieldPath([...at, "maxRestarts"]),
    message: 'needs onExit "restart"',
  });
  return [
    ...(request.maxRestarts === undefined || [request, ...roles].some(restarts) ? [] : [error([])]),
    ...roles.flatMap((role, i) =>
      role.maxRestarts === undefined || restarts(role) ? [] : [error(["roles", i])],
    ),
  ];
}

/** A container on its node's network reaches the world as the node does. */
function egressErrors(request: SessionRequest): FieldError[] {
  const { roles = [], hostNetwork, network } = request;
  const onNode = hostNetwork || roles.some((role) => role.hostNetwork);
  return onNode && network?.egress === false
    ? [{ field: "network.egress", message: "cannot be false with hostNetwork: that has the node's way out" }]
    : [];
}

/** Errors in the fields that the top of a request and each of its roles share. */
function levelErrors(
  at: PropertyKey[],
  {
    env,
    secretEnv,
    resources,
    ulimits,
    mounts = [],
  }: Pick<RoleRequest, "env" | "secretEnv" | "resources" | "ulimits" | "mounts">,
): FieldError[] {
  const reserved = Object.entries({ env, secretEnv }).flatMap(([field, variables = {}]) =>
    Object.keys(variables)
      .filter((name) => /^(BACKENDAI_CLUSTER_|SKEIN_)/.test(name))
      .map((name) => [field, name]),
  );
  const sizes = (["memory", "shm"] as const).filter((key) => {
    const size = resources?.[key];
    return size !== undefined && parseBytes(size) === undefined;
  });
  const { memlock } = ulimits ?? {};
  const badMemlock = memlock !== undefined && memlock !== "unlimited" && parseBytes(memlock) === undefined;
  const targets = mounts.map(({ target }) => target);
  return [
    ...targets.flatMap((target, i) =>
      targets.indexOf(target) < i
        ? [{ field: fieldPath([...at, "mounts", i, "target"]), message: `is given twice: ${target}` }]
        : [],
    ),
    ...reserved.map((path) => ({
      field: fieldPath([...at, ...path]),
      message: "is set by Skein; choose another name",
    })),
    ...[...sizes.map((key) => ["resources", key]), ...(badMemlock ? [["ulimits", "memlock"]] : [])].map(
      (path) => ({ field: fieldPath([...at, ...path]), message: "must be from 1 byte to 2^53 bytes" }),
    ),
  ];
}

function roleErrors(roles: RoleRequest[], image: string | undefined): FieldError[] {
  const names = roles.map((role) => role.name);
  return [
    ...(names.includes("main") ? [] : [{ field: "roles", message: "must have a role main" }]),
    ...names.flatMap((name, i) =>
      names.indexOf(name) < i ? [{ field: `roles[${i}].name`, message: `is given twice: ${name}` }] : [],
    ),
    ...roles.flatMap((role, i) =>
      role.image === undefined && image === undefined
        ? [{ field: `roles[${i}].image`, message: "is needed here or at the top" }]
        : [],
    ),
  ];
}

/** What one session may be at most. */
export type SpecLimits = Pick<Settings, "maxContainers" | "maxSessionBytes">;

/** More containers than one session may have. */
export function countErrors(request: SessionRequest, { maxContainers }: SpecLimits): FieldError[] {
  const total = requestedRoles(request).reduce((sum, role) => sum + role.replicas, 0);
  if (total <= maxContainers) return [];
  const message = `has ${total} containers in all; at most ${maxContainers}`;
  return [{ field: request.roles ? "roles" : "clusterSize", message }];
}

/** A small body can ask for a large session: all this is sent again for each container. */
export function sizeErrors(request: SessionRequest, { maxSessionBytes }: SpecLimits): FieldError[] {
  const sizeOf = (level: SessionRequest | RoleRequest) =>
    JSON.stringify([level.env, level.secretEnv, level.command, level.entrypoint, level.mounts, level.devices])
      .length;
  const shared = sizeOf(request);
  const total = requestedRoles(request).reduce(
    (sum, role) => sum + role.replicas * (shared + sizeOf(role)),
    0,
  );
  if (total <= maxSessionBytes) return [];
  const message = `needs ${total} bytes of env, secretEnv, command, entrypoint, mounts and devices over all containers; at most ${maxSessionBytes}`;
  return [{ field: request.roles ? "roles" : "clusterSize", message }];
}

/**
 * `__proto__` as a key of a free-form map. zod drops such a key silently, but what a request names is refused, never
 * ignored. Takes the body as it came.
 */
export function ignoredKeys(body: unknown): FieldError[] {
  const levels: [PropertyKey[], unknown][] = [
    [[], body],
    ...listIn(body, "roles").map((role, i): [PropertyKey[], unknown] => [["roles", i], role]),
  ];
  const maps: [PropertyKey[], unknown][] = [
    ...["env", "secretEnv"].flatMap((field) =>
      levels.map(([at, level]): [PropertyKey[], unknown] => [[...at, field], fieldIn(level, field)]),
    ),
    [["placement", "labels"], fieldIn(fieldIn(body, "placement"), "labels")],
  ];
  return maps
    .filter(([, map]) => fieldIn(map, "__proto__") !== undefined)
    .map(([at]) => ({ field: fieldPath([...at, "__proto__"]), message: "cannot be used as a name" }));
}

function fieldIn(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function listIn(value: unknown, key: string): unknown[] {
  const list = fieldIn(value, key);
  return Array.isArray(list) ? list : [];
}

/** Fields of the contract that this version cannot serve yet: refused, never ignored. */
export function unsupportedFields(request: SessionRequest): FieldError[] {
  return request.network?.encryption === "required"
    ? [{ field: "network.encryption", message: '"required" is not built yet; use "auto" or "none"' }]
    : [];
}
