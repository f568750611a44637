/**
 * Signed tokens: `skt_` CLAIMS `.` SIGNATURE, both base64url. The signature is an HMAC-SHA-256 (RFC 2104) of all before the dot; its key is
 * derived from the installation's admin token (HKDF, RFC 5869), so there is no second secret to store. Checking a token needs no look-up.
 */

import { TokenClaims } from "../../shared/access/token.ts";
import { SkeinError } from "../../shared/errors/errors.ts";
import { fromBase64Url, toBase64Url } from "../platform/hash.ts";

const PREFIX = "skt_";
/** Longer than any valid token. */
const MAX_LENGTH = 1024;

const encoder = new TextEncoder();

export async function signToken(adminToken: string, claims: TokenClaims): Promise<string> {
  const signed = PREFIX + toBase64Url(encoder.encode(JSON.stringify(claims)));
  const signature = await crypto.subtle.sign("HMAC", await keyOf(adminToken), encoder.encode(signed));
  return `${signed}.${toBase64Url(new Uint8Array(signature))}`;
}

/**
 * A token's claims, if its signature is valid; undefined if it is not one of ours. `now` in ms since 1970.
 * @throws SkeinError `unauthorized` if it is ours but expired.
 */
export async function verifyToken(
  adminToken: string,
  token: string,
  now: number,
): Promise<TokenClaims | undefined> {
  if (!token.startsWith(PREFIX) || token.length > MAX_LENGTH) return undefined;
  const dot = token.lastIndexOf(".");
  const signed = token.slice(0, dot);
  const signature = canonical(token.slice(dot + 1));
  if (dot < 0 || !signature) return undefined;
  const key = await keyOf(adminToken);
  if (!(await crypto.subtle.verify("HMAC", key, signature, encoder.encode(signed)))) return undefined;
  const claims = claimsOf(signed.slice(PREFIX.length));
  if (claims && claims.exp * 1000 <= now) {
    const when = new Date(claims.exp * 1000).toISOString();
    throw new SkeinError("unauthorized", `this token was good until ${when}: ask an admin for another`);
  }
  return claims;
}

/** A signed token may have other claims: another version of the API may have signed it. */
function claimsOf(text: string): TokenClaims | undefined {
  const bytes = canonical(text);
  if (!bytes) return undefined;
  try {
    const json: unknown = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes),
    );
    return TokenClaims.safeParse(json).data;
  } catch {
    return undefined;
  }
}

/** Accepts only the spelling that encoding gives. Others (spaces, unused bits) would make two tokens of one. */
function canonical(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = fromBase64Url(text);
  return bytes && toBase64Url(bytes) === text ? bytes : undefined;
}

/** The last derived key and its admin token: an installation has only one. */
let derived: { from: string; key: CryptoKey } | undefined;

async function keyOf(adminToken: string): Promise<CryptoKey> {
  if (derived?.from === adminToken) return derived.key;
  const root = await crypto.subtle.importKey("raw", encoder.encode(adminToken), "HKDF", false, ["deriveKey"]);
  const key = await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode("skein signed tokens v1") },
    root,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign", "verify"],
  );
  derived = { from: adminToken, key };
  return key;
}
