/** What this node says of itself: capacity and facts, as measured or as the command line overrides. */

import { readFile } from "node:fs/promises";
import { arch } from "node:os";
import type { Allowed } from "../../shared/node/node-schemas.ts";
import type { Hello } from "../../shared/protocol/protocol.ts";
import { ownerLabels } from "../docker/docker-names.ts";
import type { DockerPort, EngineInfo } from "../docker/port.ts";
import type { Runner } from "../host/runner.ts";
import type { Owner } from "../network/link-names.ts";
import { defaultAddress, mtuOf, ownAddresses, usedSubnets } from "../network/network-facts.ts";

export type About = Pick<Hello, "bootId" | "address" | "capacity" | "facts">;

/** What the command line may override. `cpu` in cores, `memory` in bytes, `gpu` a count. */
export interface Overrides {
  address?: string;
  cpu?: number;
  memory?: number;
  gpu?: number;
}

const AGENT_VERSION = "0.1.0";

/** Whether the engine can hand GPUs to containers. */
export function hasGpuRuntime({ runtimes }: Pick<EngineInfo, "runtimes">): boolean {
  return runtimes.includes("nvidia");
}

/** The GPUs' UUIDs; none where the engine could not hand them out. */
export async function findGpus(runner: Runner, engine: EngineInfo): Promise<string[]> {
  if (!hasGpuRuntime(engine)) return [];
  const listed = await runner
    .run(["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"])
    .catch(() => "");
  return listed
    .split("\n")
    .map((id) => id.trim())
    .filter(Boolean);
}

/** `--gpu N` without a look at the hardware: ids "0" to "N-1", as Docker numbers them. */
function gpuIdsOf(overrides: Overrides, found: string[]): string[] {
  return overrides.gpu === undefined ? found : Array.from({ length: overrides.gpu }, (_, id) => String(id));
}

/** The address other nodes reach this one at. Throws where it cannot be told, or is not this machine's. */
export async function addressOf(runner: Runner, given?: string): Promise<string> {
  const address = given ?? (await defaultAddress(runner));
  if (address === undefined) {
    throw new Error("no address was found that other nodes could reach this one at: give --address");
  }
  if ((await mtuOf(runner, address)) === undefined) {
    throw new Error(`no interface of this machine has the address ${address}: give --address another one`);
  }
  return address;
}

export interface Measured {
  docker: DockerPort;
  runner: Runner;
  engine: EngineInfo;
  /** From {@link addressOf}. */
  address: string;
  gpus: string[];
  allowed: Allowed;
  overrides: Overrides;
}

/** A few milliseconds. `owner`: whose networks do not count as used; before the node has joined nobody's. `refused`: CIDRs that count as used as well. */
export async function measure(
  { docker, runner, engine, address, gpus, allowed, overrides }: Measured,
  owner: Owner,
  refused: readonly string[] = [],
): Promise<About> {
  const ours = Object.entries(ownerLabels(owner));
  const networks = (await docker.networks()).filter(
    ({ labels }) => !ours.every(([name, value]) => labels[name] === value),
  );
  const [subnets, own, mtu, bootId] = await Promise.all([
    usedSubnets(runner, owner, [...networks.flatMap((network) => network.subnets), ...refused]),
    ownAddresses(runner),
    mtuOf(runner, address),
    readFile("/proc/sys/kernel/random/boot_id", "utf8"),
  ]);
  const gpuIds = gpuIdsOf(overrides, gpus);
  return {
    bootId: bootId.trim(),
    address,
    capacity: {
      cpu: overrides.cpu ?? engine.cpus,
      memory: overrides.memory ?? engine.memory,
      gpu: gpuIds.length,
    },
    facts: {
      os: engine.os,
      kernel: engine.kernel,
      arch: arch(),
      dockerVersion: engine.version,
      agentVersion: AGENT_VERSION,
      mtu: mtu ?? 1500,
      addresses: own.filter((each) => each !== address).slice(0, 64),
      allows: allowed,
      gpuIds,
      usedSubnets: subnets,
    },
  };
}
