/** Makes the bodies of Docker's create calls from an assignment. Pure, so that tests can compare the whole JSON. */

import { beside, SESSION_INTERFACE } from "../../shared/frameworks/frameworks.ts";
import { macOf } from "../../shared/network/ipv4.ts";
import { type Assignment, type ContainerSpec, hasOnNode } from "../../shared/protocol/assignment.ts";
import { LABELS } from "../../shared/protocol/names.ts";
import { kitBinds, kitEntrypoint, pathWithKit } from "../kit/layout.ts";
import { interfacePrefix, linkNames, type Owner } from "../network/link-names.ts";
import { networkName, sessionLabels } from "./docker-names.ts";
import { logConfig } from "./output-files.ts";
import type { CreateBody, Image } from "./port.ts";

/**
 * Most processes and threads of one container: half of the smallest default `pid_max` of Linux (32,768). A fork bomb then leaves the node
 * room to work. The widest job we know of has 8 ranks of 128 threads, and 16 data loaders of 64 threads for each: it takes 9,300.
 */
const PIDS_LIMIT = 16_384;

/** What a create call needs of an image. */
type ImageConfig = Pick<Image, "entrypoint" | "env">;

/** What a create call needs from the node rather than from the assignment. */
export interface Surroundings {
  owner: Owner;
  macOn: "container" | "endpoint";
  /** The kit's directory on the node. */
  kitPath: string;
  /** From `kitSysctls`. */
  sysctls: Record<string, string>;
  /** Cores of the machine. The engine refuses a limit above this, and `--cpu` may promise more. */
  cpus: number;
  /** Whether the engine can give GPUs to containers. If not (`--gpu` on a host without any), only the environment names them. */
  gpuDevices: boolean;
}

/**
 * What the container runs once its gate is open, by Docker's rules: `entrypoint` replaces the image's and drops its CMD. Without
 * entrypoint and command the list is empty, and the container idles.
 */
export function argvOf(spec: Pick<ContainerSpec, "entrypoint" | "command">, image: ImageConfig): string[] {
  if (spec.entrypoint) return [...spec.entrypoint, ...(spec.command ?? [])];
  return spec.command ? [...image.entrypoint, ...spec.command] : [];
}

/** The variables in the create call. Docker lets them win over the image's. */
function environmentOf(
  spec: ContainerSpec,
  image: ImageConfig,
  bridge: string,
  gpuDevices: boolean,
): string[] {
  const own = Object.fromEntries(image.env.map(nameAndValue));
  const { gpuIds } = spec.resources;
  const env = {
    ...launcherVariables(beside(spec.launchers, own), bridge),
    ...spec.env,
    PATH: pathWithKit(spec.env["PATH"] ?? own["PATH"]),
    // NVIDIA's runtime obeys this variable, and CUDA images set it to "all". A container that reserved no GPU must get none.
    ...(gpuIds.length > 0 || gpuDevices ? { NVIDIA_VISIBLE_DEVICES: gpuIds.join(",") || "void" } : {}),
  };
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

/** With the name of the interface, which is the agent's to know. */
function launcherVariables(variables: Record<string, string>, bridge: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, value === SESSION_INTERFACE ? bridge : value]),
  );
}

function nameAndValue(entry: string): [string, string] {
  const at = entry.indexOf("=");
  return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}

/** `POST /containers/create` for one container. `selfDir` is the container's own folder on the node. */
export function containerBody(
  assignment: Assignment,
  spec: ContainerSpec,
  image: ImageConfig,
  selfDir: string,
  { owner, macOn, kitPath, sysctls, cpus, gpuDevices }: Surroundings,
): CreateBody {
  const { cpu, memory, shm, gpuIds } = spec.resources;
  const ulimits = ulimitsBody(spec.ulimits);
  const { hostNetwork } = spec;
  const mac = { MacAddress: macOf(spec.address) };
  const network = networkName(owner, assignment.session);
  return {
    Image: spec.image,
    Hostname: spec.host,
    // On the node's network SSH is served at this address only, so that the node's own SSH server is not disturbed.
    Entrypoint: kitEntrypoint(argvOf(spec, image), hostNetwork && spec.address),
    Cmd: [],
    Env: environmentOf(spec, image, linkNames(owner, assignment.session, true).bridge, gpuDevices),
    ...(spec.user === undefined ? {} : { User: spec.user }),
    ...(spec.workdir === undefined ? {} : { WorkingDir: spec.workdir }),
    // The contract promises SIGTERM, whatever STOPSIGNAL the image has.
    StopSignal: "SIGTERM",
    // The image's health check would run before the gate opens.
    Healthcheck: { Test: ["NONE"] },
    Labels: { ...sessionLabels(owner, assignment), [LABELS.host]: spec.host },
    ...(macOn === "container" && !hostNetwork ? mac : {}),
    HostConfig: {
      Binds: kitBinds(kitPath, selfDir),
      Mounts: (spec.mounts ?? []).map(mountBody),
      Devices: (spec.devices ?? []).map((path) => ({
        PathOnHost: path,
        PathInContainer: path,
        CgroupPermissions: "rw",
      })),
      ...(spec.privileged ? { Privileged: true } : {}),
      // With the node's network these would be the node's own sysctls.
      ...(hostNetwork ? {} : { Sysctls: sysctls }),
      NetworkMode: hostNetwork ? "host" : network,
      ExtraHosts: assignment.members
        // Docker adds the container's own name itself, except on the node's network.
        .filter(({ host }) => hostNetwork || host !== spec.host)
        .map(({ host, address }) => `${host}:${address}`),
      ...(cpu === undefined ? {} : { NanoCpus: Math.round(Math.min(cpu, cpus) * 1e9) }),
      // MemorySwap equal to Memory means no swap. Docker would add as much swap as memory otherwise.
      ...(memory === undefined ? {} : { Memory: memory, MemorySwap: memory }),
      ...(shm === undefined ? {} : { ShmSize: shm }),
      ...(ulimits.length > 0 ? { Ulimits: ulimits } : {}),
      ...(gpuIds.length > 0 && gpuDevices
        ? { DeviceRequests: [{ DeviceIDs: gpuIds, Capabilities: [["gpu"]] }] }
        : {}),
      // Docker's resolver asks from the node itself, so the rules for bridges would not stop it. Nothing listens at this address.
      ...(assignment.network.egress ? {} : { Dns: ["127.0.0.1"] }),
      // SSH works without new privileges. sudo does not; a session that needs root says so with `user`.
      SecurityOpt: ["no-new-privileges"],
      PidsLimit: PIDS_LIMIT,
      // The kit has its own init.
      Init: false,
      RestartPolicy: { Name: "no" },
      LogConfig: logConfig(),
    },
    ...(hostNetwork
      ? {}
      : {
          NetworkingConfig: {
            EndpointsConfig: {
              [network]: {
                IPAMConfig: { IPv4Address: spec.address },
                ...(macOn === "endpoint" ? mac : {}),
              },
            },
          },
        }),
  };
}

/** Docker's form: soft and hard, and -1 for unlimited. */
function ulimitsBody({ memlock, nofile }: NonNullable<ContainerSpec["ulimits"]> = {}) {
  return Object.entries({ memlock, nofile }).flatMap(([Name, limit]) => {
    if (limit === undefined) return [];
    const value = limit === "unlimited" ? -1 : limit;
    return [{ Name, Soft: value, Hard: value }];
  });
}

/**
 * A bind mount that fails when the node has no such path (`Binds` would make it). Before Docker 25 or Linux 5.12 only the mount itself is
 * read-only, not the mounts below it: those are left out.
 */
function mountBody({ source, target, readOnly }: NonNullable<ContainerSpec["mounts"]>[number]) {
  const BindOptions = { Propagation: "rprivate", NonRecursive: readOnly };
  return { Type: "bind", Source: source, Target: target, ReadOnly: readOnly, BindOptions };
}

/** `POST /networks/create` for a session's bridge, to which the overlay's VXLAN device is added later. */
export function networkBody(assignment: Assignment, owner: Owner): CreateBody {
  const { session, epoch, network, members } = assignment;
  return {
    Name: networkName(owner, session),
    // Otherwise the engine makes a second network of the same name without an error.
    CheckDuplicate: true,
    Driver: "bridge",
    Labels: sessionLabels(owner, { session, epoch }),
    IPAM: { Driver: "default", Config: [{ Subnet: network.subnet, Gateway: network.gateway }] },
    Options: {
      "com.docker.network.bridge.name": linkNames(owner, session, hasOnNode(assignment)).bridge,
      // Where some containers see the bridge itself, the others see their interface by the same name.
      ...(members.some(({ onNode }) => onNode)
        ? { "com.docker.network.container_iface_prefix": interfacePrefix(owner, session) }
        : {}),
      "com.docker.network.bridge.enable_icc": "true",
      "com.docker.network.bridge.enable_ip_masquerade": String(network.egress),
      "com.docker.network.driver.mtu": String(network.mtu),
    },
  };
}
