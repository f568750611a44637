/** Facts about a node's network: the subnets and VNIs in use, its addresses, its MTU. */
import { readFile } from "node:fs/promises";
import ipaddr from "ipaddr.js";
import type { Facts } from "../../shared/node/node-schemas.ts";
import type { Runner } from "../host/runner.ts";
import { readInterfaces, readLinks, readRoutes } from "./iproute.ts";
import { isOwnVxlan, linkPrefixes, type Owner } from "./link-names.ts";

/** With systemd-resolved the first file has 127.0.0.53, and the second the real resolvers. */
const RESOLVER_FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/** Default routes, which take no addresses from anyone. VPNs use two halves, to win over the machine's own default route. */
const DEFAULT_ROUTES = new Set(["default", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"]);

/**
 * CIDRs that no session's network may overlap: the machine's routes, addresses and resolvers, without those of our own sessions, and
 * `dockerSubnets`, the subnets of other Docker networks. IPv4 only; sorted; no CIDR is inside another. A router has too many routes to
 * list: they are then rounded up to larger networks.
 */
export async function usedSubnets(
  runner: Runner,
  owner: Owner,
  dockerSubnets: readonly string[],
  resolverFiles: readonly string[] = RESOLVER_FILES,
): Promise<string[]> {
  const { bridge, onNode } = linkPrefixes(owner);
  const isOurs = (device: string) => device.startsWith(bridge) || device.startsWith(onNode);
  const [routes, interfaces, resolvers] = await Promise.all([
    readRoutes(runner),
    readInterfaces(runner),
    Promise.all(resolverFiles.map((file) => readFile(file, "utf8").catch(() => ""))),
  ]);
  return outermost([
    ...routes.filter(({ dst, dev }) => !DEFAULT_ROUTES.has(dst) && !isOurs(dev ?? "")).map(({ dst }) => dst),
    ...interfaces
      .filter(({ ifname }) => !isOurs(ifname))
      .flatMap(({ addr_info }) =>
        addr_info.filter(({ scope }) => scope === "global").map(({ local }) => local),
      ),
    ...resolvers.flatMap(resolversOf),
    ...dockerSubnets,
  ]);
}

export type UsedVni = Facts["usedVnis"][number];

/** What a session could not get, because something else on this machine has it: a subnet (CIDR), or a VNI at a UDP port. */
export type Refused = { subnet: string } | UsedVni;

/** The most that facts may list. */
const MOST_VNIS = 4096;
const MOST_SUBNETS = 4096;

/**
 * The VNIs of the machine's VXLAN devices, except those of our own sessions, and `more`; sorted, each once. At one UDP port the kernel
 * gives a VNI to one device only. A device for all VNIs (`external`) is not listed: it blocks its port instead.
 */
export async function usedVnis(
  runner: Runner,
  owner: Owner,
  more: readonly UsedVni[] = [],
): Promise<UsedVni[]> {
  const others = (await readLinks(runner, "vxlan"))
    .filter(({ ifname, ifalias }) => !isOwnVxlan(owner, ifname, ifalias))
    .flatMap(({ linkinfo }): UsedVni[] => {
      const { id, port } = linkinfo?.info_data ?? {};
      return id === undefined || port === undefined ? [] : [{ vni: id, port }];
    });
  const each = new Map([...others, ...more].map((used) => [`${used.vni} ${used.port}`, used]));
  return [...each.values()].sort((a, b) => a.vni - b.vni || a.port - b.port).slice(0, MOST_VNIS);
}

/** The IPv4 name servers in a resolv.conf(5), without those on the machine's own loopback. */
function resolversOf(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map((match) => match[1]!)
    .filter((address) => ipaddr.IPv4.isValidFourPartDecimal(address) && !address.startsWith("127."));
}

interface Network {
  base: ipaddr.IPv4;
  prefix: number;
}

/** As networks, without those inside another, and rounded up until few enough. An address without a prefix is a /32. */
function outermost(subnets: readonly string[]): string[] {
  const all = subnets
    .map((subnet) => (subnet.includes("/") ? subnet : `${subnet}/32`))
    .filter((subnet) => ipaddr.IPv4.isValidCIDR(subnet))
    .map((subnet): Network => {
      const [base, prefix] = ipaddr.IPv4.parseCIDR(subnet);
      return { base, prefix };
    });
  let networks = roundedUp(all, 32);
  for (let longest = 31; networks.length > MOST_SUBNETS; longest--) networks = roundedUp(networks, longest);
  return networks.map(({ base, prefix }) => `${base}/${prefix}`);
}

/** A prefix that is longer than `longest` becomes that. */
function roundedUp(all: readonly Network[], longest: number): Network[] {
  const networks = all
    .map((network) => {
      const prefix = Math.min(network.prefix, longest);
      const base = ipaddr.IPv4.networkAddressFromCIDR(`${network.base}/${prefix}`);
      return { base, prefix, start: Buffer.from(base.toByteArray()).readUInt32BE() };
    })
    .sort((a, b) => a.start - b.start || a.prefix - b.prefix);
  // In this order a network comes right after the one that contains it, or after others that are also inside that one.
  const kept: typeof networks = [];
  for (const network of networks) {
    const last = kept.at(-1);
    if (last === undefined || !network.base.match(last.base, last.prefix)) kept.push(network);
  }
  return kept;
}

/**
 * The machine's IPv4 addresses that other machines may reach; sorted. Bridges are left out: Docker and libvirt use the same addresses on
 * many machines, and nothing outside can reach them.
 */
export async function ownAddresses(runner: Runner): Promise<string[]> {
  return (await readInterfaces(runner))
    .filter(({ linkinfo }) => linkinfo?.info_kind !== "bridge")
    .flatMap(({ addr_info }) => addr_info.filter(({ scope }) => scope === "global").map(({ local }) => local))
    .sort();
}

/** MTU in bytes of the interface with this address; undefined when no interface has it. */
export async function mtuOf(runner: Runner, address: string): Promise<number | undefined> {
  return (await readInterfaces(runner)).find((one) => one.addr_info.some(({ local }) => local === address))
    ?.mtu;
}

/** The IPv4 address at which other nodes most likely reach this one: of the default route's interface, or else the first global one. */
export async function defaultAddress(runner: Runner): Promise<string | undefined> {
  const [routes, interfaces] = await Promise.all([readRoutes(runner), readInterfaces(runner)]);
  const way = routes.find(({ dst }) => dst === "default")?.dev;
  const global = interfaces.flatMap(({ ifname, addr_info }) =>
    addr_info.filter(({ scope }) => scope === "global").map(({ local }) => ({ ifname, local })),
  );
  return (global.find(({ ifname }) => ifname === way) ?? global[0])?.local;
}
