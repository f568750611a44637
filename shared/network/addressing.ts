/** The private network of a plan: a free subnet, an address for each container and node, a VNI, the MTU. */

import type { NodeSnapshot, Snapshot } from "../plan/plan.ts";
import type { NetworkView } from "../session/session-schemas.ts";
import { CONSTANTS } from "../settings/constants.ts";
import { SETTINGS } from "../settings/settings.ts";
import { formatAddress, parseCidr, type Range } from "./ipv4.ts";

/** Smallest block that is cut from the pool: a /24, which people recognise at a glance. */
const MIN_BLOCK = 256;

export interface Addressing {
  network: NetworkView;
  /** By rank, from `.2` up; `.1` is left free, since tools take it for the gateway. */
  addressOf(rank: number): string;
  /** By the node's place in the plan, from the top down: one each, since all answer ARP on one segment. */
  gatewayOf(place: number): string;
}

/**
 * The first free aligned block that holds all containers, one gateway per node, `.1`, network and broadcast.
 * A string when there is none: why. O(n log n) in the number of subnets to be avoided.
 */
export function addressing(
  nodes: NodeSnapshot[],
  containers: number,
  driver: NetworkView["driver"],
  reserved: Snapshot["reserved"],
): Addressing | string {
  const size = Math.max(MIN_BLOCK, 2 ** Math.ceil(Math.log2(containers + nodes.length + 3)));
  const first = freeBlock(size, rangesOf([reserved.subnets, ...nodes.map((node) => node.usedSubnets)]));
  const prefix = 32 - Math.log2(size);
  if (first === undefined) return `no /${prefix} of the address pool ${SETTINGS.addressPool} is free`;
  const vni = driver === "overlay" ? freeVni(reserved.vnis) : undefined;
  if (driver === "overlay" && vni === undefined) return "no VNI is free";
  const mtu = Math.min(...nodes.map((node) => node.mtu));
  return {
    network: {
      driver,
      subnet: `${formatAddress(first)}/${prefix}`,
      mtu: driver === "overlay" ? mtu - CONSTANTS.vxlanOverhead : mtu,
      ...(vni === undefined ? {} : { vni }),
      encryption: "none",
    },
    addressOf: (rank) => formatAddress(first + 2 + rank),
    gatewayOf: (place) => formatAddress(first + size - 2 - place),
  };
}

/** Could any session ever have a subnet on this node, other sessions aside? */
export function leavesAddresses(node: NodeSnapshot): boolean {
  return freeBlock(MIN_BLOCK, rangesOf([node.usedSubnets])) !== undefined;
}

/** Sweeps the pool once over the taken ranges in order. */
function freeBlock(size: number, taken: Range[]): number | undefined {
  const pool = parseCidr(SETTINGS.addressPool)!;
  let first = Math.ceil(pool.first / size) * size;
  for (const range of taken) {
    if (range.last < first) continue;
    if (range.first >= first + size) break;
    first = Math.ceil((range.last + 1) / size) * size;
  }
  return first + size - 1 <= pool.last ? first : undefined;
}

/**
 * What is not IPv4 cannot overlap, and is left out; so is 0.0.0.0/0, the default route, which takes no address
 * from anyone. Nodes of a fleet mostly name the same subnets: each is read once.
 */
function rangesOf(lists: string[][]): Range[] {
  return [...new Set(lists.flat())]
    .flatMap((cidr) => parseCidr(cidr) ?? [])
    .filter((range) => range.last - range.first < 2 ** 32 - 1)
    .sort((a, b) => a.first - b.first);
}

function freeVni(reserved: number[]): number | undefined {
  const taken = new Set(reserved);
  const end = Math.min(SETTINGS.vniBase + SETTINGS.vniCount, 2 ** 24);
  for (let vni = SETTINGS.vniBase; vni < end; vni++) {
    if (!taken.has(vni)) return vni;
  }
  return undefined;
}
