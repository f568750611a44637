/** Names of a session's interfaces on a node, and the marks that say who owns them. */
import { createHash } from "node:crypto";

/** Fleet and node ids, as in the Docker labels. Several owners may share a machine. */
export type Owner = { fleet: string; node: string };

/** A session's interfaces on one node. */
export type LinkNames = { bridge: string; vxlan: string };

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** `length` letters of base32 (RFC 4648, lower case) of a SHA-256. Parts are joined by NUL, which is in no id. */
function stableHash(parts: readonly string[], length: number): string {
  const digest = createHash("sha256").update(parts.join("\0")).digest();
  return Array.from({ length }, (_, at) => {
    const bit = at * 5;
    const pair = (digest[bit >> 3]! << 8) | digest[(bit >> 3) + 1]!;
    return ALPHABET[(pair >> (11 - (bit & 7))) & 31];
  }).join("");
}

const ownerHash = ({ fleet, node }: Owner) => stableHash([fleet, node], 5);

/**
 * 15 characters, the kernel's limit (IFNAMSIZ - 1): `sk`, then `b` or `v`, 5 characters of the owner, 7 of the session. So two fleets on
 * one machine have different names, and the name alone says whose an interface is.
 *
 * Except where containers of the session are on the node's network (`onNode`). They see the bridge, and tell each other its name (NCCL,
 * Gloo), so it is the same on all nodes: `ske`, 5 characters of the fleet, 6 of the session, and 0. Its alias says whose it is.
 */
export function linkNames(owner: Owner, session: string, onNode = false): LinkNames {
  const { fleet, node } = owner;
  const rest = ownerHash(owner) + stableHash([fleet, node, session], 7);
  return { bridge: onNode ? `${interfacePrefix(owner, session)}0` : `skb${rest}`, vxlan: `skv${rest}` };
}

/**
 * What Docker's `com.docker.network.container_iface_prefix` has to be (Docker 17.04, libnetwork#1667), for the containers with a network
 * namespace of their own to see the session's interface by the name of `linkNames(…, true).bridge`. Docker appends the interface's number: 0.
 */
export function interfacePrefix({ fleet }: Owner, session: string): string {
  return `ske${stableHash([fleet], 5)}${stableHash([fleet, session], 6)}`;
}

/** The first characters of all interface names of one owner. Of `onNode`: those of all owners of the fleet. */
export function linkPrefixes(owner: Owner): LinkNames & { onNode: string } {
  const whose = ownerHash(owner);
  return { bridge: `skb${whose}`, vxlan: `skv${whose}`, onNode: `ske${stableHash([owner.fleet], 5)}` };
}

/** The interface alias, which says who owns it, to people and to the sweep. */
export function linkAlias(owner: Owner, session: string): string {
  const parts = ["skein", owner.fleet, owner.node, session];
  // The alias becomes one word of a batch line, so no part may have blanks or line ends.
  const odd = parts.find((part) => !/^[\w-]{1,64}$/.test(part));
  if (odd !== undefined) throw new Error(`${JSON.stringify(odd)} is no id: 1 to 64 letters, digits, _ and -`);
  return parts.join(":");
}

/** Whether a VXLAN device belongs to this owner, by name and alias. It has no alias if the agent was killed right after making it. */
export function isOwnVxlan(owner: Owner, name: string, alias = ""): boolean {
  // An agent that has not joined yet has no ids, and no device either.
  if (!name.startsWith(linkPrefixes(owner).vxlan)) return false;
  return alias === "" || isAliasOf(owner, alias);
}

/** Whether a bridge belongs to this owner. By the whole name, since Docker's bridges have no alias; by the alias where the name is the fleet's. */
export function isOwnBridge(owner: Owner, name: string, alias = ""): boolean {
  const { bridge, onNode } = linkPrefixes(owner);
  if (!/^sk(b[a-z2-7]{12}|e[a-z2-7]{11}0)$/.test(name)) return false;
  return name.startsWith(bridge) || (name.startsWith(onNode) && isAliasOf(owner, alias));
}

const isAliasOf = (owner: Owner, alias: string) => alias.startsWith(linkAlias(owner, "x").slice(0, -1));

/** The name of an agent's nftables table. */
export function tableName(owner: Owner): string {
  return `skein-${stableHash([owner.fleet, owner.node], 12)}`;
}
