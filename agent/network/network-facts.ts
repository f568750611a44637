/** What a node says of its own network: which subnets are in use, its address, its MTU. */
import { readFile } from "node:fs/promises";
import ipaddr from "ipaddr.js";
import type { Runner } from "../host/runner.ts";
import { readInterfaces, readRoutes } from "./iproute.ts";
import { linkPrefixes, type Owner } from "./link-names.ts";

/** The second names the real resolvers where the first says 127.0.0.53 (systemd-resolved). */
const RESOLVER_FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/** Ways to say "everything" that are no subnet in use; VPNs halve the default route to win over it. */
const DEFAULT_ROUTES = new Set(["default", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"]);

/**
 * CIDRs that no session's network may overlap: routes, own addresses and resolvers of the machine, less what our own sessions have there,
 * and `dockerSubnets`, those of Docker networks that are not ours. IPv4 only; sorted; none lies within another.
 */
export async function usedSubnets(
  runner: Runner,
  owner: Owner,
  dockerSubnets: readonly string[],
  resolverFiles: readonly string[] = RESOLVER_FILES,
): Promise<string[]> {
  const ours = linkPrefixes(owner).bridge;
  const [routes, interfaces, resolvers] = await Promise.all([
    readRoutes(runner),
    readInterfaces(runner),
    Promise.all(resolverFiles.map((file) => readFile(file, "utf8").catch(() => ""))),
  ]);
  return outermost([
    ...routes
      .filter(({ dst, dev }) => !DEFAULT_ROUTES.has(dst) && !dev?.startsWith(ours))
      .map(({ dst }) => dst),
    ...interfaces
      .filter(({ ifname }) => !ifname.startsWith(ours))
      .flatMap(({ addr_info }) =>
        addr_info.filter(({ scope }) => scope === "global").map(({ local }) => local),
      ),
    ...resolvers.flatMap(resolversOf),
    ...dockerSubnets,
  ]);
}

/** The IPv4 name servers of a resolv.conf (resolv.conf(5)) that are not on the machine's own loopback. */
function resolversOf(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map((match) => match[1]!)
    .filter((address) => ipaddr.IPv4.isValidFourPartDecimal(address) && !address.startsWith("127."));
}

/** As networks (a bare address is a /32), each once, without what lies within another. */
function outermost(subnets: readonly string[]): string[] {
  const networks = subnets
    .map((subnet) => (subnet.includes("/") ? subnet : `${subnet}/32`))
    .filter((subnet) => ipaddr.IPv4.isValidCIDR(subnet))
    .map((subnet) => {
      const prefix = ipaddr.IPv4.parseCIDR(subnet)[1];
      const base = ipaddr.IPv4.networkAddressFromCIDR(subnet);
      return { base, prefix, start: Buffer.from(base.toByteArray()).readUInt32BE() };
    })
    .sort((a, b) => a.start - b.start || a.prefix - b.prefix);
  // Sorted so, whatever holds a network comes before it, and nothing stands between them that does not lie within as well.
  const kept: typeof networks = [];
  for (const network of networks) {
    const last = kept.at(-1);
    if (last === undefined || !network.base.match(last.base, last.prefix)) kept.push(network);
  }
  return kept.map(({ base, prefix }) => `${base}/${prefix}`);
}

/**
 * The machine's own IPv4 addresses that other machines may reach; sorted. Not those of bridges: Docker's and libvirt's are the same on many
 * machines, and no way leads there from outside.
 */
export async function ownAddresses(runner: Runner): Promise<string[]> {
  return (await readInterfaces(runner))
    .filter(({ linkinfo }) => linkinfo?.info_kind !== "bridge")
    .flatMap(({ addr_info }) => addr_info.filter(({ scope }) => scope === "global").map(({ local }) => local))
    .sort();
}

/** MTU in bytes of the interface that holds the address; undefined where none does. */
export async function mtuOf(runner: Runner, address: string): Promise<number | undefined> {
  return (await readInterfaces(runner)).find((one) => one.addr_info.some(({ local }) => local === address))
    ?.mtu;
}

/** The IPv4 address other nodes most likely reach this one at: of the default route's interface, else the first global one. */
export async function defaultAddress(runner: Runner): Promise<string | undefined> {
  const [routes, interfaces] = await Promise.all([readRoutes(runner), readInterfaces(runner)]);
  const way = routes.find(({ dst }) => dst === "default")?.dev;
  const global = interfaces.flatMap(({ ifname, addr_info }) =>
    addr_info.filter(({ scope }) => scope === "global").map(({ local }) => ({ ifname, local })),
  );
  return (global.find(({ ifname }) => ifname === way) ?? global[0])?.local;
}
