/** A node's key: what makes it this node, on every connection. */
import { connectProof } from "../../shared/protocol.ts";
import { fromBase64Url } from "../hash.ts";
import type { NodeIdentity } from "../messages.ts";
import type { Link } from "./sockets.ts";

/** Ed25519 (RFC 8032) over what only this connection can have asked for. */
export async function proves(
  { fleet, publicKey }: NodeIdentity,
  { node, nonce }: Link,
  signature: string,
): Promise<boolean> {
  const bytes = fromBase64Url(signature);
  if (bytes?.length !== 64) return false;
  const key = await importNodeKey(publicKey);
  return crypto.subtle.verify(
    "Ed25519",
    key,
    bytes,
    new TextEncoder().encode(connectProof(fleet, node, nonce)),
  );
}

/** Throws where the text is no Ed25519 public key. */
export function importNodeKey(publicKey: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", fromBase64Url(publicKey) ?? new Uint8Array(), "Ed25519", false, [
    "verify",
  ]);
}
