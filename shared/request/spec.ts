/** From a request to the spec: shorthand expanded, inheritance done, units read, rules checked. A spec never changes. */
import type { z } from "zod";
import type { App } from "../apps/app-schemas.ts";
import { type ErrorCode, type FieldError, fieldPath, invalidFields } from "../errors/errors.ts";
import type { Frameworks } from "../frameworks/frameworks.ts";
import type { Allowed } from "../node/node-schemas.ts";
import { mostUlimits, type Ulimits } from "../node/ulimits.ts";
import { CONSTANTS } from "../settings/constants.ts";
import { withKeys } from "../ssh/public-key.ts";
import { parseBytes } from "../text/units.ts";
import { reachOf } from "./allowed.ts";
import { SessionRequest } from "./request-schemas.ts";
import type { Resources } from "./resources.ts";
import {
  countErrors,
  ignoredKeys,
  requestedRoles,
  ruleErrors,
  type SpecLimits,
  sizeErrors,
  unsupportedFields,
} from "./spec-rules.ts";

/** A role with nothing left to inherit. `resources` in cores and bytes. */
export interface RoleSpec {
  name: string;
  replicas: number;
  image: string;
  command?: string[];
  entrypoint?: string[];
  user?: string;
  workdir?: string;
  env: Record<string, string>;
  resources: Resources;
  /** Missing: as high as the node can give. */
  ulimits?: Ulimits;
  /** Missing: all as they are by default. */
  frameworks?: Frameworks;
  /** These four only on nodes that allow them (allowed.ts); missing where the request does not ask for them. */
  mounts?: { source: string; target: string; readOnly: boolean }[];
  devices?: string[];
  privileged?: true;
  hostNetwork?: true;
  /** Missing: "fail". */
  onExit?: NonNullable<SessionRequest["onExit"]>;
  /** With `onExit: "restart"`, and only then. */
  maxRestarts?: number;
}

/** The `secretEnv` of a session's roles, by role; roles without any are left out. */
export type Secrets = Record<string, Record<string, string>>;

/** What a session asks for. Roles in rank order: `main` first. */
export interface SessionSpec {
  name?: string;
  /** Its secrets, encrypted by the API, which alone can read them; missing: it has none. */
  sealedSecrets?: string;
  clusterMode: "single-node" | "multi-node";
  roles: RoleSpec[];
  /** What a node has to allow so that any container can run on it; missing: nothing. */
  reach?: Allowed;
  /** What a node's engine has to be able to give so that any container can run on it; missing: nothing. */
  ulimits?: Ulimits;
  network: { encryption: "auto" | "none"; egress: boolean };
  placement: { strategy: "spread" | "pack"; labels: Record<string, string> };
  /** Users' keys that may log in to every container, each once; missing: none. */
  sshKeys?: string[];
  /** 0 to 9; higher ones are served first. */
  priority: number;
  retries: number;
  onNodeLoss: "fail" | "keep";
  /** Missing: "auto". */
  gate?: "manual";
  /** Seconds; missing: the containers are removed at once. */
  holdAtEnd?: number;
  /** In main1; missing: none. */
  apps?: App[];
  /** Seconds; missing: no limit. */
  maxDuration?: number;
  queueTimeout?: number;
}

/** More than anyone reads; one body may have a hundred thousand bad fields. */
const MAX_ERRORS = 100;

/** Names the fields of a zod error as the request writes them: `roles[1].env.A`. The first 100. */
export function fieldErrors(error: z.core.$ZodError): FieldError[] {
  const errors = error.issues.flatMap((issue): FieldError[] => {
    const path = fieldPath(issue.path);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        field: fieldPath([...issue.path, key]),
        message: "is not a field; remove it or check its spelling",
      }));
    }
    if (issue.code === "invalid_union") {
      const inner =
        issue.errors.flat().find((candidate) => candidate.code !== "invalid_type") ?? issue.errors.flat()[0];
      return [{ field: path, message: inner?.message ?? issue.message }];
    }
    if (issue.code === "invalid_key")
      return [{ field: path, message: issue.issues[0]?.message ?? issue.message }];
    return [{ field: path, message: issue.message }];
  });
  return errors.slice(0, MAX_ERRORS);
}

/** The spec of a request, without its secrets. Otherwise as {@link readRequest}. */
export function readSpec(body: unknown, limits: SpecLimits): SessionSpec {
  return readRequest(body, limits).spec;
}

/**
 * Reads a request body (parsed JSON of any shape) into a spec, and apart from it the secrets: a spec can be stored and compared as it is.
 * `secrets` is undefined if it has none.
 * @throws SkeinError `invalid_request` (400) with every bad field, `too_many_containers` or `session_too_large` (400)
 * past a limit, `unsupported` (422) for what is not built.
 */
export function readRequest(
  body: unknown,
  limits: SpecLimits,
): { spec: SessionSpec; secrets: Secrets | undefined } {
  const parsed = SessionRequest.safeParse(body);
  if (!parsed.success) throw invalidFields(fieldErrors(parsed.error));
  const request = parsed.data;

  const errors = [...ignoredKeys(body), ...ruleErrors(request)];
  refuse("invalid_request", errors);
  refuse("too_many_containers", countErrors(request, limits));
  refuse("session_too_large", sizeErrors(request, limits));
  refuse("unsupported", unsupportedFields(request));

  return { spec: specOf(request), secrets: secretsOf(request) };
}

function specOf(request: SessionRequest): SessionSpec {
  const roles = expandRoles(request);
  const main = roles.filter((role) => role.name === "main");
  const reach = reachOf(roles);
  const ulimits = mostUlimits(roles.map((role) => role.ulimits));
  return {
    ...(request.name === undefined ? {} : { name: request.name }),
    clusterMode: request.clusterMode,
    roles: [...main, ...roles.filter((role) => role.name !== "main")],
    ...(reach ? { reach } : {}),
    ...(ulimits ? { ulimits } : {}),
    network: {
      encryption: request.network?.encryption === "none" ? "none" : "auto",
      egress: request.network?.egress ?? true,
    },
    placement: { strategy: request.placement?.strategy ?? "spread", labels: request.placement?.labels ?? {} },
    ...(request.sshKeys?.length ? { sshKeys: withKeys([], request.sshKeys) } : {}),
    priority: request.priority,
    retries: request.retries,
    onNodeLoss: request.onNodeLoss,
    ...(request.gate === "manual" ? { gate: request.gate } : {}),
    ...(request.apps?.length ? { apps: request.apps } : {}),
    ...definedOf(request, ["holdAtEnd", "maxDuration", "queueTimeout"]),
  };
}

function secretsOf(request: SessionRequest): Secrets | undefined {
  const secrets = requestedRoles(request)
    .map(({ name, secretEnv }) => [name, { ...request.secretEnv, ...secretEnv }] as const)
    .filter(([, env]) => Object.keys(env).length > 0);
  return secrets.length > 0 ? Object.fromEntries(secrets) : undefined;
}

function refuse(code: ErrorCode, errors: FieldError[]): void {
  if (errors.length > 0) throw invalidFields(errors, code);
}

function expandRoles(request: SessionRequest): RoleSpec[] {
  return requestedRoles(request).map((role) => {
    const pick = { ...definedOf(request, WHOLE), ...definedOf(role, WHOLE) };
    const reach = { ...definedOf(request, REACH), ...definedOf(role, REACH) };
    const resources = { ...request.resources, ...role.resources };
    const ulimits = readUlimits({ ...request.ulimits, ...role.ulimits });
    const frameworks = { ...request.frameworks, ...role.frameworks };
    return {
      ...pick,
      name: role.name,
      replicas: role.replicas,
      image: (role.image ?? request.image)!,
      env: { ...request.env, ...role.env },
      resources: {
        ...definedOf(resources, ["cpu", "gpu"]),
        ...(resources.memory === undefined ? {} : { memory: parseBytes(resources.memory)! }),
        ...(resources.shm === undefined ? {} : { shm: parseBytes(resources.shm)! }),
      },
      ...(Object.keys(ulimits).length > 0 ? { ulimits } : {}),
      ...(Object.keys(frameworks).length > 0 ? { frameworks } : {}),
      ...(reach.mounts?.length ? { mounts: reach.mounts } : {}),
      ...(reach.devices?.length ? { devices: [...new Set(reach.devices)] } : {}),
      ...(reach.privileged ? { privileged: true } : {}),
      ...(reach.hostNetwork ? { hostNetwork: true } : {}),
      ...(pick.onExit === "restart"
        ? { maxRestarts: role.maxRestarts ?? request.maxRestarts ?? CONSTANTS.defaultRestarts }
        : {}),
    };
  });
}

function readUlimits({ memlock, nofile }: NonNullable<SessionRequest["ulimits"]>): Ulimits {
  return {
    ...(memlock === undefined ? {} : { memlock: memlock === "unlimited" ? memlock : parseBytes(memlock)! }),
    ...(nofile === undefined ? {} : { nofile }),
  };
}

const WHOLE = ["command", "entrypoint", "user", "workdir", "onExit"] as const;

/** Access to the node itself (allowed.ts). */
export const REACH = ["mounts", "devices", "privileged", "hostNetwork"] as const;

/** The part of an object under these keys, without those that are undefined. */
export function definedOf<T extends object, K extends keyof T>(
  from: T,
  keys: readonly K[],
): { [P in K]?: NonNullable<T[P]> } {
  return Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]]))) as {
    [P in K]?: NonNullable<T[P]>;
  };
}
