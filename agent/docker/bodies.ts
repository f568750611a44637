/** From an assignment to the bodies of Docker's create calls. Pure, so that tests can compare the whole JSON. */
import { LABELS } from "../../shared/protocol/names.ts";
import type { Assignment, ContainerSpec } from "../../shared/protocol/protocol.ts";
import { kitBinds, kitEntrypoint, pathWithKit } from "../kit/layout.ts";
import { linkNames, macOf, type Owner } from "../network/link-names.ts";
import { networkName, sessionLabels } from "./docker-names.ts";
import type { CreateBody, Image } from "./port.ts";

/**
 * Processes and threads of one container. Half of the smallest `pid_max` that Linux starts with (32,768): a fork bomb leaves the node
 * room to go on, while 8 ranks of 128 threads with 16 data loaders of 64 threads each, the widest job we know of, take 9,300.
 */
const PIDS_LIMIT = 16_384;

/** What of a create call comes from the node rather than from the assignment. */
export interface Surroundings {
  owner: Owner;
  /** SHA-256 of the assignment as it was sent. */
  hash: string;
  macOn: "container" | "endpoint";
  /** The kit's directory on the node. */
  kitPath: string;
  /** From `kitSysctls`. */
  sysctls: Record<string, string>;
  /** The machine's cores: the engine refuses a limit above them, which `--cpu` may promise. */
  cpus: number;
  /** Whether the engine can hand out GPUs; else only the container's environment names them (`--gpu` on a host without). */
  gpuDevices: boolean;
}

/**
 * What the container runs at last, by Docker's rules: `entrypoint` replaces the image's and drops its CMD. With neither it is empty and
 * the container idles.
 */
export function argvOf(spec: Pick<ContainerSpec, "entrypoint" | "command">, image: Image): string[] {
  if (spec.entrypoint) return [...spec.entrypoint, ...(spec.command ?? [])];
  return spec.command ? [...image.entrypoint, ...spec.command] : [];
}

/** The container's own variables; Docker puts them over the image's. */
function environmentOf(spec: ContainerSpec, image: Image, gpuDevices: boolean): string[] {
  const imagePath = image.env.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length);
  const { gpuIds } = spec.resources;
  const env = {
    ...spec.env,
    PATH: pathWithKit(spec.env["PATH"] ?? imagePath),
    // NVIDIA's runtime obeys this variable, and CUDA images say "all": whoever reserved nothing gets nothing.
    ...(gpuIds.length > 0 || gpuDevices ? { NVIDIA_VISIBLE_DEVICES: gpuIds.join(",") || "void" } : {}),
  };
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

/** `POST /containers/create` for one container; `selfDir` is its own folder on the node. */
export function containerBody(
  assignment: Assignment,
  spec: ContainerSpec,
  image: Image,
  selfDir: string,
  { owner, hash, macOn, kitPath, sysctls, cpus, gpuDevices }: Surroundings,
): CreateBody {
  const { cpu, memory, shm, gpuIds } = spec.resources;
  const { hostNetwork } = spec;
  const mac = { MacAddress: macOf(spec.address) };
  const network = networkName(owner, assignment.session);
  return {
    Image: spec.image,
    Hostname: spec.host,
    // On the node's network it must leave the node's own addresses, and its SSH, alone.
    Entrypoint: kitEntrypoint(argvOf(spec, image), hostNetwork && spec.address),
    Cmd: [],
    Env: environmentOf(spec, image, gpuDevices),
    ...(spec.user === undefined ? {} : { User: spec.user }),
    ...(spec.workdir === undefined ? {} : { WorkingDir: spec.workdir }),
    // The contract says SIGTERM, whatever the image's STOPSIGNAL.
    StopSignal: "SIGTERM",
    // The image's would run before the gate opens.
    Healthcheck: { Test: ["NONE"] },
    Labels: { ...sessionLabels(owner, assignment, hash), [LABELS.host]: spec.host },
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
      // The node's own are not a container's to set.
      ...(hostNetwork ? {} : { Sysctls: sysctls }),
      NetworkMode: hostNetwork ? "host" : network,
      ExtraHosts: assignment.members
        // Docker adds a container's own name where it gives it the address.
        .filter(({ host }) => hostNetwork || host !== spec.host)
        .map(({ host, address }) => `${host}:${address}`),
      ...(cpu === undefined ? {} : { NanoCpus: Math.round(Math.min(cpu, cpus) * 1e9) }),
      // Equal to Memory: no swap on top (Docker would add as much again).
      ...(memory === undefined ? {} : { Memory: memory, MemorySwap: memory }),
      ...(shm === undefined ? {} : { ShmSize: shm }),
      ...(gpuIds.length > 0 && gpuDevices
        ? { DeviceRequests: [{ DeviceIDs: gpuIds, Capabilities: [["gpu"]] }] }
        : {}),
      // Docker's resolver would ask on the node's behalf, where no rule about bridges sees it. This one is the container's own loopback: nobody.
      ...(assignment.network.egress ? {} : { Dns: ["127.0.0.1"] }),
      // SSH needs no privilege that its user lacks. What goes without is sudo and the like; who wants root asks for it with `user`.
      SecurityOpt: ["no-new-privileges"],
      PidsLimit: PIDS_LIMIT,
      // The kit brings its own init.
      Init: false,
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } },
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

/**
 * Fails where the node has no such path, which `Binds` would make. Read-only is the mount itself alone (before Docker 25, and before
 * Linux 5.12): so what is mounted below it stays out.
 */
function mountBody({ source, target, readOnly }: NonNullable<ContainerSpec["mounts"]>[number]) {
  const BindOptions = { Propagation: "rprivate", NonRecursive: readOnly };
  return { Type: "bind", Source: source, Target: target, ReadOnly: readOnly, BindOptions };
}

/** `POST /networks/create` for a session's bridge, to which the overlay's VXLAN device is added later. */
export function networkBody({ session, epoch, network }: Assignment, owner: Owner, hash: string): CreateBody {
  return {
    Name: networkName(owner, session),
    // Otherwise the engine makes a second one of the same name without a word.
    CheckDuplicate: true,
    Driver: "bridge",
    Labels: sessionLabels(owner, { session, epoch }, hash),
    IPAM: { Driver: "default", Config: [{ Subnet: network.subnet, Gateway: network.gateway }] },
    Options: {
      "com.docker.network.bridge.name": linkNames(owner, session).bridge,
      "com.docker.network.bridge.enable_icc": "true",
      "com.docker.network.bridge.enable_ip_masquerade": String(network.egress),
      "com.docker.network.driver.mtu": String(network.mtu),
    },
  };
}
