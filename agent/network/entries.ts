/** The forwarding and neighbour entries that an overlay needs on one node, and the commands that change the kernel's to these. Pure. */
import { macOf } from "../../shared/network/ipv4.ts";
import type { Assignment, Member } from "../../shared/protocol/assignment.ts";
import type { ForwardingEntry } from "./iproute.ts";
import type { LinkNames } from "./link-names.ts";

const FLOOD = "00:00:00:00:00:00";

/** Desired entries. MACs and addresses are written as iproute2 prints them. */
export type Entries = {
  /** `MAC VTEP`, in the VXLAN device's own table. The MAC of zeros is for broadcast and multicast. */
  tunnel: Set<string>;
  /** MACs behind the VXLAN device, in the bridge's table. */
  port: Set<string>;
  /** Address → MAC, in the bridge's neighbour table. The bridge answers ARP requests from it. */
  neighbours: Map<string, string>;
};

/**
 * This node's containers get neighbour entries too: the bridge forwards an ARP request to the other nodes unless it knows both address and
 * MAC. @throws Error when a member is on a node that is not among the session's nodes.
 */
export function entriesOf(
  network: Assignment["network"],
  members: readonly Member[],
  place: number,
): Entries {
  const peers = new Map(network.peers.map((peer) => [peer.place, peer]));
  const entries: Entries = { tunnel: new Set(), port: new Set(), neighbours: new Map() };
  const add = (address: string, vtep: string | undefined) => {
    const mac = macOf(address);
    entries.neighbours.set(address, mac);
    if (vtep === undefined) return;
    entries.tunnel.add(`${mac} ${vtep}`);
    entries.port.add(mac);
  };
  for (const { host, address, place: at, onNode } of members) {
    const peer = peers.get(at);
    if (peer === undefined && at !== place) {
      throw new Error(`${host} is on node ${at} of the session, which is not among its nodes`);
    }
    if (!onNode) add(address, peer?.vtep);
    // Behind the bridge of the member's node. On its own node the address is a local one.
    else if (peer) entries.neighbours.set(address, macOf(peer.gateway));
  }
  for (const peer of network.peers) {
    add(peer.gateway, peer.vtep);
    entries.tunnel.add(`${FLOOD} ${peer.vtep}`);
  }
  return entries;
}

/** Lines for `bridge -batch`. `actual` is what the VXLAN device has. `ownMac` is the device's own MAC, whose entry the kernel makes. */
export function forwardingChanges(
  { vxlan }: LinkNames,
  wanted: Entries,
  actual: readonly ForwardingEntry[],
  ownMac: string | undefined,
): string[] {
  const self = actual.filter((entry) => entry.flags.includes("self"));
  const tunnel = new Set(self.map((entry) => `${entry.mac} ${entry.dst}`));
  const port = new Set(
    actual.filter((entry) => !entry.flags.includes("self") && entry.mac !== ownMac).map((entry) => entry.mac),
  );
  const split = (entry: string) => entry.split(" ") as [string, string];
  return [
    // Old entries go first, so that a MAC that moved never has two destinations.
    ...missingFrom(wanted.tunnel, tunnel).map((entry) => {
      const [mac, vtep] = split(entry);
      return `fdb del ${mac} dev ${vxlan} dst ${vtep} self`;
    }),
    ...missingFrom(wanted.port, port).map((mac) => `fdb del ${mac} dev ${vxlan} master`),
    ...missingFrom(tunnel, wanted.tunnel).map((entry) => {
      const [mac, vtep] = split(entry);
      // All flood entries have the same MAC, one for each peer: `replace` would keep only the last.
      return `fdb ${mac === FLOOD ? "append" : "replace"} ${mac} dev ${vxlan} dst ${vtep} self permanent`;
    }),
    ...missingFrom(port, wanted.port).map((mac) => `fdb replace ${mac} dev ${vxlan} master static`),
  ];
}

/** Lines for `ip -batch`. */
export function neighbourChanges(
  { bridge }: LinkNames,
  wanted: Entries,
  actual: readonly { dst: string; lladdr?: string | undefined }[],
): string[] {
  const there = new Map(actual.map(({ dst, lladdr }) => [dst, lladdr]));
  return [
    ...missingFrom(new Set(wanted.neighbours.keys()), new Set(there.keys())).map(
      (address) => `neigh del ${address} dev ${bridge}`,
    ),
    ...[...wanted.neighbours]
      .filter(([address, mac]) => there.get(address) !== mac)
      .map(([address, mac]) => `neigh replace ${address} lladdr ${mac} dev ${bridge} nud permanent`),
  ];
}

/** The elements of `all` that are not in `known`. */
function missingFrom(known: ReadonlySet<string>, all: ReadonlySet<string>): string[] {
  return [...all].filter((one) => !known.has(one));
}
