/** From `skein run`'s and `skein plan`'s options to a request: a file is the base, options override it, `-- COMMAND` goes to a role. */
import type { SessionRequest } from "../sdk/index.ts";
import { FAMILIES } from "../shared/frameworks/frameworks.ts";
import { UsageError } from "./cli-error.ts";
import type { Options, Values } from "./command.ts";
import { isObject, readRequestFile } from "./request-file.ts";
import { secretEnvGiven } from "./secret-env.ts";
import {
  appGiven,
  decimalNumber,
  frameworksGiven,
  keyValues,
  mountsGiven,
  oneOf,
  seconds,
  ulimitsGiven,
  wholeNumber,
} from "./values.ts";

export const REQUEST_OPTIONS = {
  file: {
    type: "string",
    short: "f",
    value: "FILE",
    about: "a request in YAML or JSON (see docs/requests.md); - reads stdin",
  },
  name: { type: "string", value: "NAME", about: "unique among live sessions (default: made up)" },
  image: { type: "string", value: "IMAGE", about: "what each container runs" },
  size: { type: "string", value: "N", about: "containers in all: main1 and N-1 sub (default 1)" },
  mode: { type: "string", value: "MODE", about: "single-node (default) or multi-node" },
  env: { type: "string", multiple: true, short: "e", value: "K=V", about: "an environment variable" },
  "secret-env": {
    type: "string",
    multiple: true,
    value: "K[=V]",
    about: "one that nothing shows; K alone takes the value that the variable has here",
  },
  "secret-env-file": {
    type: "string",
    multiple: true,
    value: "FILE",
    about: "such variables, a line K=V or K for each; # begins a comment; - reads stdin",
  },
  cpu: {
    type: "string",
    value: "CORES",
    about: "per container; reserved and enforced, as all resources are",
  },
  memory: { type: "string", value: "SIZE", about: "per container, like 512MiB" },
  gpu: { type: "string", value: "N", about: "GPUs per container" },
  shm: {
    type: "string",
    value: "SIZE",
    about: "/dev/shm per container (default: its memory, else half of the node's)",
  },
  ulimit: {
    type: "string",
    multiple: true,
    value: "NAME=N",
    about: "memlock=SIZE, nofile=N, or NAME=unlimited (default: as high as the node can give)",
  },
  framework: {
    type: "string",
    multiple: true,
    value: "NAME",
    about: "prepare for these launchers, too: torchEnv (RANK and WORLD_SIZE, one process per container)",
  },
  "no-framework": {
    type: "string",
    multiple: true,
    value: "NAME",
    about: `do not prepare for these: ${FAMILIES.join(", ")}, or all`,
  },
  user: { type: "string", value: "USER", about: "user or UID, optionally with :GROUP" },
  workdir: { type: "string", value: "DIR", about: "the command's working directory" },
  pack: { type: "boolean", about: "on as few nodes as possible, instead of evenly over all" },
  label: { type: "string", multiple: true, value: "K=V", about: "a label that nodes must have" },
  priority: {
    type: "string",
    value: "N",
    about: "0 to 9 (default 5); if there is no room, higher goes first",
  },
  "max-duration": {
    type: "string",
    value: "TIME",
    about: "it fails once it has run for so long: seconds, or like 30m, 12h or 7d",
  },
  "queue-timeout": {
    type: "string",
    value: "TIME",
    about: "it fails once it has waited for room for so long",
  },
  mount: {
    type: "string",
    multiple: true,
    value: "PATH:PATH",
    about: "a path of the node and where containers read it; with :rw they may write; on nodes that allow it",
  },
  device: {
    type: "string",
    multiple: true,
    value: "PATH",
    about: "a device of the node, if it allows it",
  },
  privileged: { type: "boolean", about: "all rights over the node, if it allows it" },
  "host-network": { type: "boolean", about: "on the node's own network, if it allows it" },
  "no-egress": { type: "boolean", about: "no way out to the world" },
  app: {
    type: "string",
    multiple: true,
    value: "NAME=PORT[PATH]",
    about: "a web server in main1, for skein open: notebook=8888/lab",
  },
  each: {
    type: "boolean",
    about: "run COMMAND in every container; without it in main1, and the others idle",
  },
} as const satisfies Options;

export const REQUEST_NOTES =
  "Roles with images, commands or resources of their own go in a FILE:\n" +
  "  image: a\n" +
  "  roles:\n" +
  "    - {name: main, replicas: 1}\n" +
  "    - {name: worker, replicas: 2, image: b}";

type RequestValues = Values<typeof REQUEST_OPTIONS>;

/** The body for the API. The API validates it; this refuses only input that is no request at all. */
export function readRequest(options: RequestValues, command: readonly string[]): SessionRequest {
  const base = options.file === undefined ? {} : readRequestFile(options.file);
  if (options.file === undefined && options.image === undefined)
    throw new UsageError("--image or --file is missing");
  if (options.each && command.length === 0) throw new UsageError("--each needs -- COMMAND");
  const request = merge(base, fromOptions(options));
  if (command.length === 0) return request;
  return options.each ? { ...request, command: [...command] } : withMainCommand(request, [...command]);
}

function fromOptions(options: RequestValues): SessionRequest {
  const resources = {
    ...(options.cpu === undefined ? {} : { cpu: decimalNumber("cpu", options.cpu) }),
    ...(options.memory === undefined ? {} : { memory: options.memory }),
    ...(options.gpu === undefined ? {} : { gpu: wholeNumber("gpu", options.gpu) }),
    ...(options.shm === undefined ? {} : { shm: options.shm }),
  };
  const secretEnv = secretEnvGiven(options["secret-env"], options["secret-env-file"]);
  const frameworks = frameworksGiven(options.framework, options["no-framework"]);
  const placement = {
    ...(options.pack ? { strategy: "pack" as const } : {}),
    ...(options.label.length > 0 ? { labels: keyValues("label", options.label) } : {}),
  };
  const { name, image, user, workdir } = options;
  return {
    ...(name === undefined ? {} : { name }),
    ...(image === undefined ? {} : { image }),
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
    ...(options.size === undefined ? {} : { clusterSize: wholeNumber("size", options.size) }),
    ...(options.mode === undefined
      ? {}
      : { clusterMode: oneOf("mode", ["single-node", "multi-node"], options.mode) }),
    ...(options.priority === undefined ? {} : { priority: wholeNumber("priority", options.priority) }),
    ...(options["max-duration"] === undefined
      ? {}
      : { maxDuration: seconds("max-duration", options["max-duration"]) }),
    ...(options["queue-timeout"] === undefined
      ? {}
      : { queueTimeout: seconds("queue-timeout", options["queue-timeout"]) }),
    ...(options.app.length > 0 ? { apps: options.app.map((given) => appGiven("app", given)) } : {}),
    ...(options.env.length > 0 ? { env: keyValues("env", options.env) } : {}),
    ...(Object.keys(secretEnv).length > 0 ? { secretEnv } : {}),
    ...(Object.keys(resources).length > 0 ? { resources } : {}),
    ...(options.ulimit.length > 0 ? { ulimits: ulimitsGiven("ulimit", options.ulimit) } : {}),
    ...(Object.keys(frameworks).length > 0 ? { frameworks } : {}),
    ...(Object.keys(placement).length > 0 ? { placement } : {}),
    ...(options.mount.length > 0 ? { mounts: mountsGiven("mount", options.mount) } : {}),
    ...(options.device.length > 0 ? { devices: [...options.device] } : {}),
    ...(options.privileged ? { privileged: true } : {}),
    ...(options["host-network"] ? { hostNetwork: true } : {}),
    ...(options["no-egress"] ? { network: { egress: false } } : {}),
  };
}

/** Merges objects key by key, as roles inherit. */
function merge(base: SessionRequest, over: SessionRequest): SessionRequest {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isObject(value) && isObject(below) ? { ...below, ...value } : value;
  }
  return merged as SessionRequest;
}

/** The command goes to `main` alone, so this expands the shorthand `clusterSize` into roles. */
function withMainCommand({ clusterSize, ...request }: SessionRequest, command: string[]): SessionRequest {
  const size = clusterSize ?? 1;
  if (request.roles === undefined && size <= 1) return { ...request, clusterSize: size, command };
  const roles = request.roles ?? [
    { name: "main", replicas: 1 },
    { name: "sub", replicas: size - 1 },
  ];
  return {
    ...request,
    ...(request.roles === undefined || clusterSize === undefined ? {} : { clusterSize }),
    roles: roles.map((role) => (role.name === "main" ? { ...role, command } : role)),
  };
}
