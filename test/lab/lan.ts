/**
 * The lab's virtual LAN: a bridge in the lab's own namespace. The test runs there, as a client machine and as the router, which leads
 * nowhere. Each machine is a named network namespace with a cable (a veth pair) to the bridge.
 */
import { writeFileSync } from "node:fs";
import { run } from "./command.ts";

/** Documentation addresses (RFC 5737): no real network, no Docker default and none of Skein's has them. */
const prefix = "198.51.100";
const bridge = "lan0";

/** All of its addresses. */
export const lanSubnet = `${prefix}.0/24`;

/** The address of the lab's own namespace on the LAN; the machines' default route too. */
export const routerAddress = `${prefix}.1`;

/** The last byte of a machine's address: the API's is .2, hosts count from .11. */
export function addressOf(number: number): string {
  return `${prefix}.${number}`;
}

/** Path of a named network namespace, as `nsenter --net=` takes it. */
export function netnsPath(name: string): string {
  return `/run/netns/${name}`;
}

/** Makes the LAN. `mtu` in bytes. */
export async function createLan(mtu: number): Promise<void> {
  await ip([
    `link add ${bridge} mtu ${mtu} type bridge`,
    `address add ${routerAddress}/24 dev ${bridge}`,
    `link set ${bridge} up`,
  ]);
  // A router without a route answers "unreachable" at once; a black hole would make programs wait.
  writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
}

export async function removeLan(): Promise<void> {
  await ip([`link delete ${bridge}`]);
}

/** Makes a machine's network namespace, and joins it to the LAN as `eth0`. */
export async function plugIn(netns: string, address: string, mtu: number): Promise<void> {
  const port = portOf(address);
  await run(["ip", "netns", "add", netns]);
  await ip([
    `link add ${port} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${netns}`,
    `link set ${port} master ${bridge} up`,
  ]);
  await ip(
    [
      "link set lo up",
      `address add ${address}/24 dev eth0`,
      "link set eth0 up",
      `route add default via ${routerAddress}`,
    ],
    netns,
  );
}

/** Removes a machine's cable and its network namespace. */
export async function unplug(netns: string, address: string): Promise<void> {
  await ip([`link delete ${portOf(address)}`]);
  await run(["ip", "netns", "delete", netns]);
}

/** Pulls a machine's cable, or plugs it in again: its own end keeps addresses and routes, without a carrier. */
export async function setCable(address: string, state: "up" | "down"): Promise<void> {
  await ip([`link set ${portOf(address)} ${state}`]);
}

/** Names of all links in the caller's network namespace. (/sys shows those of the process that mounted it, so this asks the kernel.) */
export async function linkNames(): Promise<string[]> {
  const links: { ifname: string }[] = JSON.parse(await run(["ip", "-json", "link"]));
  return links.map((link) => link.ifname);
}

/** The bridge's end of a machine's cable. */
function portOf(address: string): string {
  return `port${address.slice(address.lastIndexOf(".") + 1)}`;
}

async function ip(lines: string[], netns?: string): Promise<void> {
  const inside = netns === undefined ? [] : ["-netns", netns];
  await run(["ip", ...inside, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}
