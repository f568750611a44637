/** A node's key, which proves on every connection that it is this node. */
import { connectProof, type Rotate, rotateProof } from "../../shared/protocol/protocol.ts";
import { fromBase64Url } from "../platform/hash.ts";

/** The text to sign, which is unique to one connection of one node. */
export interface Asked {
  fleet: string;
  node: string;
  nonce: string;
}

/** Whether the agent that dialled has the node's key. */
export function proves(asked: Asked & { publicKey: string }, signature: string): Promise<boolean> {
  return isSigned(asked.publicKey, signature, connectProof(asked.fleet, asked.node, asked.nonce));
}

/** Whether the agent that asks for a new key has its private key. */
export function provesNew(asked: Asked, { publicKey, signature }: Rotate): Promise<boolean> {
  return isSigned(publicKey, signature, rotateProof(asked.fleet, asked.node, asked.nonce));
}

/** Verifies Ed25519 (RFC 8032) over a text that is unique to this connection. */
export async function isSigned(publicKey: string, signature: string, text: string): Promise<boolean> {
  const bytes = fromBase64Url(signature);
  const key = await importNodeKey(publicKey).catch(() => undefined);
  if (bytes?.length !== 64 || !key) return false;
  return crypto.subtle.verify("Ed25519", key, bytes, new TextEncoder().encode(text));
}

/**
 * The points of Ed25519 of an order of at most 8, in all encodings, in hexadecimal and without the sign bit. The list is libsodium's
 * (`ge25519_has_small_order`). They prove nothing: for each, anybody can make valid signatures without a private key.
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

/** Rejects if the text is no Ed25519 public key, or one of small order. */
export async function importNodeKey(publicKey: string): Promise<CryptoKey> {
  const bytes = fromBase64Url(publicKey) ?? new Uint8Array();
  const unsigned = bytes.map((byte, at) => (at === 31 ? byte & 0x7f : byte));
  if (SMALL_ORDER.has(unsigned.toHex())) throw new Error("a key of small order proves nothing");
  return crypto.subtle.importKey("raw", bytes, "Ed25519", false, ["verify"]);
}
