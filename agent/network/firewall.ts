/** The firewall of a node's sessions: one nftables table per agent, always loaded as a whole. */
import type { Assignment } from "../../shared/protocol/assignment.ts";
import type { Runner } from "../host/runner.ts";
import { type AddressSet, addressSet, elementsOf, union } from "./address-set.ts";
import { linkNames, type Owner, tableName } from "./link-names.ts";

/** A session that has a network on this node, or is about to get one. */
export interface GuardedSession {
  session: string;
  network: Assignment["network"];
  /** Addresses of its containers on the node's own network. */
  onNode?: readonly string[];
}

/**
 * Where clouds tell a machine its metadata, credentials included: link-local (AWS, Google, Azure, Oracle and most others), Azure's
 * WireServer, Alibaba. Google has its name server at the same address, so port 53 stays open.
 */
const METADATA = ["100.100.100.200", "168.63.129.16", "169.254.0.0/16"];

/** A list of set elements, each once and sorted, so that the same sessions always give the same table. */
const elements = (all: readonly string[]) => `{ ${[...new Set(all)].sort().join(", ")} }`;

/**
 * The text for `nft -f -`: replaces the agent's table in one transaction. Without sessions there is no table. `nodes` has the addresses of
 * the fleet's nodes; those of the sessions' nodes are added.
 *
 * docs/networking.md says what each rule is for. A drop is final, whatever other tables say; an accept does not overrule other tables.
 */
export function renderFirewall(
  owner: Owner,
  sessions: readonly GuardedSession[],
  nodes: AddressSet = [],
): string {
  const table = `table inet ${tableName(owner)}`;
  // Deleting a missing table is an error, so the table is declared first.
  const away = `${table}\ndelete ${table}\n`;
  if (sessions.length === 0) return away;

  const guarded = sessions.map(({ session, network, onNode = [] }) => ({
    bridge: `"${linkNames(owner, session, onNode.length > 0).bridge}"`,
    network,
    onNode,
  }));
  const bridges = elements(guarded.map(({ bridge }) => bridge));
  const peers = guarded.flatMap(({ network }) => network.peers.map((peer) => peer.vtep));
  const outside = elementsOf(union(addressSet(peers), nodes));
  const closed = guarded.filter(({ network }) => !network.egress).map(({ bridge }) => bridge);
  const own = guarded.flatMap(({ bridge, onNode }) => onNode.map((address) => `${bridge} . ${address}`));
  const inward =
    own.length === 0
      ? ""
      : `    iifname . ip daddr ${elements(own)} accept comment "container to one on the node's network"\n`;
  const ports = elements(guarded.map(({ network }) => String(network.port)));
  const tunnels = tunnelRule(guarded.map(({ network }) => network));

  return `${away}${table} {
  set bridges {
    type ifname
    elements = ${bridges}
  }

  set sources {
    type ifname . ipv4_addr
    flags interval
    elements = ${elements(guarded.map(({ bridge, network }) => `${bridge} . ${network.subnet}`))}
  }

  chain prerouting {
    type filter hook prerouting priority mangle; policy accept;
${inward}    iifname @bridges fib daddr type local ct state != { established, related } counter drop comment "container to node"
  }

  chain input {
    type filter hook input priority filter; policy accept;
${inward}    iifname @bridges ct state != { established, related } counter drop comment "container to node, broadcast"
    iifname != "lo" ip daddr ${elements(guarded.flatMap(({ network, onNode }) => [network.gateway, ...onNode]))} ct state != { established, related } counter drop comment "outside to gateway"
${tunnels}  }

  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname . oifname ${elements(guarded.map(({ bridge }) => `${bridge} . ${bridge}`))} accept comment "within a session"
    iifname @bridges jump outward
    oifname @bridges ct state != { established, related } counter drop comment "outside to container"
${tunnels}  }

  chain outward {
    iifname . ip saddr != @sources counter drop comment "spoofed source"
    meta nfproto ipv6 counter drop comment "no IPv6 in sessions"
    oifname @bridges counter drop comment "session to session"
    udp dport ${ports} counter drop comment "VXLAN from a container"
    ip daddr ${elements(METADATA)} th dport != 53 counter drop comment "the cloud's metadata"
${outside.length === 0 ? "" : `    ip daddr { ${outside.join(", ")} } counter drop comment "container to another node"\n`}${
  closed.length === 0
    ? ""
    : `    iifname ${elements(closed)} counter reject with icmpx admin-prohibited comment "egress off"\n`
}  }
}
`;
}

/**
 * Drops VXLAN packets for our own VNIs unless a peer of that session sent them. Other VNIs may belong to another fleet's agent on this
 * machine. The VNI is at bits 96 to 119 from the start of the UDP header (RFC 7348, section 5).
 */
function tunnelRule(networks: readonly Assignment["network"][]): string {
  const overlays = networks.filter((network) => network.vni !== undefined);
  if (overlays.length === 0) return "";
  const tunnels = elements(overlays.map(({ port, vni }) => `${port} . ${vni}`));
  const known = overlays.flatMap(({ peers, port, vni }) =>
    peers.map(({ vtep }) => `${vtep} . ${port} . ${vni}`),
  );
  const strangers = known.length === 0 ? "" : ` ip saddr . udp dport . @th,96,24 != ${elements(known)}`;
  return `    udp dport . @th,96,24 ${tunnels}${strangers} counter drop comment "VXLAN from a stranger"\n`;
}

/**
 * Guards exactly these sessions. Add a session before its network is made, and leave it out after the network is removed. May be repeated
 * at any time, since other programs may flush the ruleset.
 */
export async function applyFirewall(
  runner: Runner,
  owner: Owner,
  sessions: readonly GuardedSession[],
  nodes: AddressSet = [],
): Promise<void> {
  await runner.run(["nft", "-f", "-"], { input: renderFirewall(owner, sessions, nodes) });
}
