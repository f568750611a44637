/** A node's key: what makes it this node, on every connection. */
import { connectProof, type Rotate, rotateProof } from "../../shared/protocol.ts";
import { fromBase64Url } from "../hash.ts";
import type { NodeIdentity } from "../messages.ts";
import type { Link } from "./sockets.ts";

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

/** Throws where the text is no Ed25519 public key. */
export function importNodeKey(publicKey: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", fromBase64Url(publicKey) ?? new Uint8Array(), "Ed25519", false, [
    "verify",
  ]);
}
