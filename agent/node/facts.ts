/** Capacity and facts of this node: measured, or set on the command line. */

import { readFile } from "node:fs/promises";
import { arch } from "node:os";
import type { Allowed } from "../../shared/node/node-schemas.ts";
import type { UlimitsView } from "../../shared/node/ulimits.ts";
import type { Hello } from "../../shared/protocol/protocol.ts";
import { ownerLabels } from "../docker/docker-names.ts";
import type { DockerPort, EngineInfo } from "../docker/port.ts";
import type { Runner } from "../host/runner.ts";
import type { Owner } from "../network/link-names.ts";
import {
  defaultAddress,
  mtuOf,
  ownAddresses,
  type UsedVni,
  usedSubnets,
  usedVnis,
} from "../network/network-facts.ts";

export type About = Pick<Hello, "bootId" | "address" | "capacity" | "facts">;

/** Values from the command line that replace measured ones. `cpu` in cores, `memory` in bytes, `gpu` is a count. */
export interface Overrides {
  address?: string;
  cpu?: number;
  memory?: number;
  gpu?: number;
}

const AGENT_VERSION = "0.1.0";

/** With `--gpu N` the hardware is not asked: the ids are "0" to "N-1", as Docker counts them. */
function gpuIdsOf(overrides: Overrides, found: string[]): string[] {
  return overrides.gpu === undefined ? found : Array.from({ length: overrides.gpu }, (_, id) => String(id));
}

/** The address at which other nodes reach this one. @throws Error when there is none, or when it is not an address of this machine. */
export async function addressOf(runner: Runner, given?: string): Promise<string> {
  const address = given ?? (await defaultAddress(runner));
  if (address === undefined) {
    throw new Error("found no address at which other nodes could reach this one: set it with --address");
  }
  if ((await mtuOf(runner, address)) === undefined) {
    throw new Error(
      `no interface of this machine has the address ${address}: set another one with --address`,
    );
  }
  return address;
}

/** What Docker or the kernel refused to a session: CIDRs, and VNIs with their ports. */
export interface RefusedByMachine {
  subnets: readonly string[];
  vnis: readonly UsedVni[];
}

const NOTHING_REFUSED: RefusedByMachine = { subnets: [], vnis: [] };

export interface Measured {
  docker: DockerPort;
  runner: Runner;
  engine: EngineInfo;
  /** From {@link addressOf}. */
  address: string;
  gpus: string[];
  allowed: Allowed;
  /** From `engineUlimits`. */
  ulimits: UlimitsView | undefined;
  overrides: Overrides;
}

/** Takes a few milliseconds. Networks of `owner` do not count as used; before the join it has none. `refused` counts as used too. */
export async function measure(
  { docker, runner, engine, address, gpus, allowed, ulimits, overrides }: Measured,
  owner: Owner,
  { subnets: refused, vnis: refusedVnis }: RefusedByMachine = NOTHING_REFUSED,
): Promise<About> {
  const ours = Object.entries(ownerLabels(owner));
  const networks = (await docker.networks()).filter(
    ({ labels }) => !ours.every(([name, value]) => labels[name] === value),
  );
  const [subnets, vnis, own, mtu, bootId] = await Promise.all([
    usedSubnets(runner, owner, [...networks.flatMap((network) => network.subnets), ...refused]),
    usedVnis(runner, owner, refusedVnis),
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
      ...(ulimits ? { ulimits } : {}),
      gpuIds,
      usedSubnets: subnets,
      usedVnis: vnis,
    },
  };
}
