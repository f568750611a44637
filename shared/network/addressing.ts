/** The private network of a plan: a free subnet, an address for each container and node, a VNI, the MTU. */

import type { AddressSpace } from "./address-space.ts";
import { formatAddress, parseCidr, type Range } from "./ipv4.ts";
import type { NetworkView } from "./network-view.ts";

/** Smallest block that is cut from the pool: a /24, which people recognise at a glance. */
const MIN_BLOCK = 256;
/** VNIs are 24 bits wide (RFC 7348, section 5). */
const VNI_END = 2 ** 24;

/** Bytes. RFC 7348 over IPv4: 14 Ethernet + 20 IP + 8 UDP + 8 VXLAN. */
export const VXLAN_OVERHEAD = 50;

/** What a session's network must respect on a node. */
export interface NodeNetworks {
  /** CIDRs that a session's subnet must not overlap. */
  usedSubnets: string[];
  /** VXLAN devices that are not this fleet's. */
  usedVnis: { vni: number; port: number }[];
  /** Bytes. */
  mtu: number;
}

/** Subnets (CIDR) and VNIs that nothing else may have. */
export interface Reserved {
  subnets: string[];
  vnis: number[];
}

/** A session's network as its nodes need it; users see it without the port. */
export type PlannedNetwork = NetworkView & {
  /** UDP port of VXLAN between the nodes. */
  port: number;
};

export interface Addressing {
  network: PlannedNetwork;
  /** By rank, from `.2` up; `.1` stays free, since tools take it for the gateway. */
  addressOf(rank: number): string;
  /** By the node's place in the plan, from the top down. One each: all of them answer ARP on one segment. For nodes that are no container. */
  gatewayOf(place: number): string;
}

/**
 * The first free aligned block from the origin on that holds all containers, one gateway per node, `.1`, network and
 * broadcast; and for an overlay the first free VNI. A string says why there is none.
 * O(s log s + v) for s subnets and v VNIs that are reserved or in use on the nodes.
 */
export function addressing(
  nodes: readonly NodeNetworks[],
  containers: number,
  driver: NetworkView["driver"],
  reserved: Reserved,
  space: AddressSpace,
): Addressing | string {
  const size = Math.max(MIN_BLOCK, 2 ** Math.ceil(Math.log2(containers + nodes.length + 3)));
  const taken = rangesOf([reserved.subnets, ...nodes.map((node) => node.usedSubnets)]);
  const first = freeBlock(size, taken, space);
  const prefix = 32 - Math.log2(size);
  if (first === undefined) return `no /${prefix} of the address pool ${space.addressPool} is free`;
  const vni = driver === "overlay" ? freeVni(reserved.vnis, nodes, space) : undefined;
  if (driver === "overlay" && vni === undefined) return "no VNI is free";
  const mtu = Math.min(...nodes.map((node) => node.mtu));
  return {
    network: {
      driver,
      subnet: `${formatAddress(first)}/${prefix}`,
      mtu: driver === "overlay" ? mtu - VXLAN_OVERHEAD : mtu,
      ...(vni === undefined ? {} : { vni }),
      encryption: "none",
      port: space.vxlanPort,
    },
    addressOf: (rank) => formatAddress(first + 2 + rank),
    gatewayOf: (place) => formatAddress(first + size - 2 - place),
  };
}

/**
 * Tells of a node why no session at all could have a network on it; undefined where one could.
 * O(subnets and VNIs of the node): nodes of a fleet mostly name the same subnets, so each text is parsed once.
 */
export function networkObstacles(
  driver: NetworkView["driver"],
  space: AddressSpace,
): (node: NodeNetworks) => string | undefined {
  const pool = parseCidr(space.addressPool)!;
  const blocks = (pool.last + 1 - pool.first) / MIN_BLOCK;
  const touched = memo((cidr) => {
    const [range] = rangesOf([[cidr]]);
    return range ? Math.max(1, (range.last + 1 - range.first) / MIN_BLOCK) : 0;
  });
  return (node) => {
    // Without the sweep where so few blocks are touched that one must be free.
    const most = node.usedSubnets.reduce((sum, cidr) => sum + touched(cidr), 0);
    if (most >= blocks && freeBlock(MIN_BLOCK, rangesOf([node.usedSubnets]), space) === undefined)
      return `its own routes and networks cover the address pool ${space.addressPool}`;
    if (driver === "overlay" && freeVni([], [node], space) === undefined)
      return "its own VXLAN devices use every VNI of the range";
    return undefined;
  };
}

function memo<T>(of: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    if (!known.has(text)) known.set(text, of(text));
    return known.get(text)!;
  };
}

/** The aligned block at the origin, or the next free one after it, or the first free one of the pool. */
function freeBlock(size: number, taken: Range[], { addressPool, origin }: AddressSpace): number | undefined {
  const pool = parseCidr(addressPool)!;
  const blocks = Math.floor((pool.last + 1 - pool.first) / size);
  const start = pool.first + size * Math.floor(origin * blocks);
  return (
    freeBetween(size, taken, start, pool.first + size * blocks) ?? freeBetween(size, taken, pool.first, start)
  );
}

/** The first free block from `first` on that ends before `end`. One sweep over the taken ranges in order. */
function freeBetween(size: number, taken: Range[], first: number, end: number): number | undefined {
  let block = first;
  for (const range of taken) {
    if (range.last < block) continue;
    if (range.first >= block + size) break;
    block = Math.ceil((range.last + 1) / size) * size;
  }
  return block + size <= end ? block : undefined;
}

/**
 * In order. What is not IPv4 cannot overlap and is left out; so is 0.0.0.0/0, the default route, which takes no
 * address from anyone. Nodes of a fleet mostly name the same subnets: each is read once.
 */
function rangesOf(lists: string[][]): Range[] {
  return [...new Set(lists.flat())]
    .flatMap((cidr) => parseCidr(cidr) ?? [])
    .filter((range) => range.last - range.first < 2 ** 32 - 1)
    .sort((a, b) => a.first - b.first);
}

/**
 * From the origin on, then from the start. Linux refuses a second VXLAN device of one VNI and UDP port with EEXIST
 * (drivers/net/vxlan, vxlan_vni_in_use), so only devices on the fleet's port are in the way.
 */
function freeVni(
  reserved: number[],
  nodes: readonly NodeNetworks[],
  { vniBase, vniCount, vxlanPort, origin }: AddressSpace,
): number | undefined {
  const taken = new Set(reserved);
  for (const { usedVnis } of nodes) {
    for (const { vni, port } of usedVnis) if (port === vxlanPort) taken.add(vni);
  }
  const count = Math.min(vniCount, VNI_END - vniBase);
  const start = Math.floor(origin * count);
  for (let i = 0; i < count; i++) {
    const vni = vniBase + ((start + i) % count);
    if (!taken.has(vni)) return vni;
  }
  return undefined;
}
