/** Names of what a session has in a node's kernel, and the marks that say whose it is. */
import { createHash } from "node:crypto";

/** Who makes things on this machine: ids, as in the Docker labels. More than one may share a machine. */
export type Owner = { fleet: string; node: string };

/** A session's interfaces on one node. */
export type LinkNames = { bridge: string; vxlan: string };

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** `length` letters of base32 (RFC 4648, lower case) of a SHA-256. Parts are joined by NUL, which no id holds. */
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
 * 15 characters (the kernel's IFNAMSIZ less one): `sk`, `b` or `v`, 5 of the owner, 7 of the session. So two fleets on one machine do not
 * clash, and an interface can be told to be ours by its name alone.
 */
export function linkNames(owner: Owner, session: string): LinkNames {
  const rest = ownerHash(owner) + stableHash([owner.fleet, owner.node, session], 7);
  return { bridge: `skb${rest}`, vxlan: `skv${rest}` };
}

/** How the names of all bridges and VXLAN devices of one owner begin. */
export function linkPrefixes(owner: Owner): LinkNames {
  return { bridge: `skb${ownerHash(owner)}`, vxlan: `skv${ownerHash(owner)}` };
}

/** The interface alias: whose it is, for people and for the sweep. */
export function linkAlias(owner: Owner, session: string): string {
  const parts = ["skein", owner.fleet, owner.node, session];
  // It becomes a word of a batch line: nothing in it may end the word or the line.
  const odd = parts.find((part) => !/^[\w-]{1,64}$/.test(part));
  if (odd !== undefined) throw new Error(`${JSON.stringify(odd)} is no id: 1 to 64 letters, digits, _ and -`);
  return parts.join(":");
}

/** The one nftables table of an agent. */
export function tableName(owner: Owner): string {
  return `skein-${stableHash([owner.fleet, owner.node], 12)}`;
}

/** The MAC of an address in a session's subnet: `02:42:` (locally administered, Docker's own scheme) and its four bytes. */
export function macOf(address: string): string {
  const bytes = address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
  return ["02", "42", ...bytes].join(":");
}
