/** Which forwarding and neighbour entries an overlay needs on one node, and the lines that make the kernel's be those. Pure. */
import type { Assignment, Member } from "../../shared/protocol/protocol.ts";
import type { ForwardingEntry } from "./iproute.ts";
import { type LinkNames, macOf } from "./link-names.ts";

const FLOOD = "00:00:00:00:00:00";

/** Desired entries; MACs and addresses are written as iproute2 prints them. */
export type Entries = {
  /** `MAC VTEP`: the VXLAN device's own table. All zeros: where broadcast and multicast go. */
  tunnel: Set<string>;
  /** MACs behind the VXLAN device, in the bridge's table. */
  port: Set<string>;
  /** Address → MAC, in the bridge's neighbour table, which answers ARP in place of other nodes. */
  neighbours: Map<string, string>;
};

/**
 * Neighbour entries are for this node's containers too: only where the bridge knows both address and MAC does it keep an ARP request from
 * the other nodes.
 */
export function entriesOf(
  network: Assignment["network"],
  members: readonly Member[],
  nodeId: string,
): Entries {
  const peers = new Map(network.peers.map((peer) => [peer.nodeId, peer]));
  const entries: Entries = { tunnel: new Set(), port: new Set(), neighbours: new Map() };
  const add = (address: string, vtep: string | undefined) => {
    const mac = macOf(address);
    entries.neighbours.set(address, mac);
    if (vtep === undefined) return;
    entries.tunnel.add(`${mac} ${vtep}`);
    entries.port.add(mac);
  };
  for (const { host, address, nodeId: at, onNode } of members) {
    const peer = peers.get(at);
    if (peer === undefined && at !== nodeId) {
      throw new Error(`${host} is on node ${at}, which is no peer of the session`);
    }
    if (!onNode) add(address, peer?.vtep);
    // The node's bridge answers in its place; at the node itself no neighbour does.
    else if (peer) entries.neighbours.set(address, macOf(peer.gateway));
  }
  for (const peer of network.peers) {
    add(peer.gateway, peer.vtep);
    entries.tunnel.add(`${FLOOD} ${peer.vtep}`);
  }
  return entries;
}

/** Lines for `bridge -batch`. `actual` is what the VXLAN device has; `ownMac` is the device's, whose entry is the kernel's. */
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
    // Stale ones first: a MAC that moved would have two destinations otherwise.
    ...missingFrom(wanted.tunnel, tunnel).map((entry) => {
      const [mac, vtep] = split(entry);
      return `fdb del ${mac} dev ${vxlan} dst ${vtep} self`;
    }),
    ...missingFrom(wanted.port, port).map((mac) => `fdb del ${mac} dev ${vxlan} master`),
    ...missingFrom(tunnel, wanted.tunnel).map((entry) => {
      const [mac, vtep] = split(entry);
      // One flood entry per peer stands under the same MAC, so those are appended.
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

/** What of `all` is not in `known`. */
function missingFrom(known: ReadonlySet<string>, all: ReadonlySet<string>): string[] {
  return [...all].filter((one) => !known.has(one));
}
