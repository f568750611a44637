/** A node's key: what makes it this node, on every connection. */
import { connectProof, type Rotate, rotateProof } from "../../shared/protocol/protocol.ts";
import { fromBase64Url } from "../platform/hash.ts";
import type { NodeIdentity } from "../platform/messages.ts";
import type { Link } from "./link-sockets.ts";

/** Whether who dialled has the node's key. */
export function proves(
  { fleet, publicKey }: NodeIdentity,
  { node, nonce }: Link,
  signature: string,
): Promise<boolean> {
  return isSigned(publicKey, signature, connectProof(fleet, node, nonce));
}

/** Whether who asks for another key has that one, too. */
export function provesNew(
  fleet: string,
  { node, nonce }: Link,
  { publicKey, signature }: Rotate,
): Promise<boolean> {
  return isSigned(publicKey, signature, rotateProof(fleet, node, nonce));
}

/** Ed25519 (RFC 8032) over what only this connection can have asked for. */
async function isSigned(publicKey: string, signature: string, text: string): Promise<boolean> {
  const bytes = fromBase64Url(signature);
  const key = await importNodeKey(publicKey).catch(() => undefined);
  if (bytes?.length !== 64 || !key) return false;
  return crypto.subtle.verify("Ed25519", key, bytes, new TextEncoder().encode(text));
}

/**
 * The points of Ed25519 of an order of at most 8, in every way to write them, in hexadecimal and without the sign bit (the list is libsodium's,
 * `ge25519_has_small_order`). They are nobody's: under each, signatures can be made up that fit, without a private key.
 */
const SMALL_ORDER = new Set([
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
]);

/** Rejects where the text is no Ed25519 public key, or one that proves nothing. */
export async function importNodeKey(publicKey: string): Promise<CryptoKey> {
  const bytes = fromBase64Url(publicKey) ?? new Uint8Array();
  const unsigned = bytes.map((byte, at) => (at === 31 ? byte & 0x7f : byte));
  if (SMALL_ORDER.has(unsigned.toHex())) throw new Error("a key of small order is nobody's");
  return crypto.subtle.importKey("raw", bytes, "Ed25519", false, ["verify"]);
}
