/**
 * Signed claims: CLAIMS `.` SIGNATURE, both base64url. The signature is an HMAC-SHA-256 (RFC 2104); its key is derived from the installation's
 * admin token (HKDF, RFC 5869), so there is no second secret to store. Each purpose has a key of its own: what is signed for one is void for
 * all others.
 */
import type { z } from "zod";
import { fromBase64Url, toBase64Url } from "../platform/hash.ts";

export interface Purpose<T> {
  /** Of the derived key: it may never change. */
  key: string;
  /** What the text begins with. */
  prefix: string;
  claims: z.ZodType<T>;
}

/** Longer than any valid text. */
const MAX_LENGTH = 1024;

const encoder = new TextEncoder();

export async function signText<T>(
  adminToken: string,
  { key, prefix }: Purpose<T>,
  claims: T,
): Promise<string> {
  const signed = prefix + toBase64Url(encoder.encode(JSON.stringify(claims)));
  const signature = await crypto.subtle.sign("HMAC", await keyOf(adminToken, key), encoder.encode(signed));
  return `${signed}.${toBase64Url(new Uint8Array(signature))}`;
}

/** Its claims, if the signature is valid; undefined if it is not one of ours. */
export async function verifyText<T>(
  adminToken: string,
  { key, prefix, claims }: Purpose<T>,
  text: string,
): Promise<T | undefined> {
  if (!text.startsWith(prefix) || text.length > MAX_LENGTH) return undefined;
  const dot = text.lastIndexOf(".");
  const signed = text.slice(0, dot);
  const signature = canonical(text.slice(dot + 1));
  if (dot < 0 || !signature) return undefined;
  const derived = await keyOf(adminToken, key);
  if (!(await crypto.subtle.verify("HMAC", derived, signature, encoder.encode(signed)))) return undefined;
  return claimsOf(claims, signed.slice(prefix.length));
}

/** A signed text may have other claims: another version of the API may have signed it. */
function claimsOf<T>(schema: z.ZodType<T>, text: string): T | undefined {
  const bytes = canonical(text);
  if (!bytes) return undefined;
  try {
    const json: unknown = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes),
    );
    return schema.safeParse(json).data;
  } catch {
    return undefined;
  }
}

/** Accepts only the spelling that encoding gives. Others (spaces, unused bits) would make two texts of one. */
function canonical(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = fromBase64Url(text);
  return bytes && toBase64Url(bytes) === text ? bytes : undefined;
}

/** The derived keys of the last admin token: an installation has only one. */
let derived: { from: string; keys: Map<string, CryptoKey> } | undefined;

async function keyOf(adminToken: string, purpose: string): Promise<CryptoKey> {
  if (derived?.from !== adminToken) derived = { from: adminToken, keys: new Map() };
  const { keys } = derived;
  const known = keys.get(purpose);
  if (known) return known;
  const root = await crypto.subtle.importKey("raw", encoder.encode(adminToken), "HKDF", false, ["deriveKey"]);
  const key = await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode(purpose) },
    root,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign", "verify"],
  );
  keys.set(purpose, key);
  return key;
}
