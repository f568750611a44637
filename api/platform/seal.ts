/**
 * Encrypts what is stored and never shown: AES-256-GCM with a key that is no part of the stored data (docs/security.md). `about` says what
 * the text is, and whose: what was sealed about one thing cannot be opened as another.
 */
import { SkeinError } from "../../shared/errors/errors.ts";
import { fromBase64Url, toBase64Url } from "./hash.ts";

/** The version of this format. */
const PREFIX = "v1.";
const NONCE_BYTES = 12;
/** 32 random bytes are 43 characters in base64. */
const LEAST_CHARS = 43;

const encoder = new TextEncoder();

/** What was sealed with another key, or about something else. The message is for people. */
export class SealBroken extends Error {
  override readonly name = "SealBroken";
}

/** @throws SkeinError `secrets_key_missing` if the API has no key. */
export async function needKey(env: Cloudflare.Env): Promise<void> {
  await keysOf(env);
}

/** @throws as {@link needKey} */
export async function seal(env: Cloudflare.Env, about: string, text: string): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const { encryption } = await keysOf(env);
  const additionalData = encoder.encode(about);
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData },
    encryption,
    encoder.encode(text),
  );
  return PREFIX + toBase64Url(new Uint8Array([...iv, ...new Uint8Array(sealed)]));
}

/** @throws SealBroken; SkeinError `secrets_key_missing`. */
export async function unseal(env: Cloudflare.Env, about: string, sealed: string): Promise<string> {
  const { encryption } = await keysOf(env);
  const bytes = sealed.startsWith(PREFIX) ? fromBase64Url(sealed.slice(PREFIX.length)) : undefined;
  const additionalData = encoder.encode(about);
  try {
    const text = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: bytes!.subarray(0, NONCE_BYTES), additionalData },
      encryption,
      bytes!.subarray(NONCE_BYTES),
    );
    return new TextDecoder().decode(text);
  } catch (error) {
    throw new SealBroken("the API's key for secrets is another than the one that encrypted them", {
      cause: error,
    });
  }
}

/** A digest of bytes that may hold secrets: without the key nobody can try guesses against it. @throws as {@link needKey} */
export async function sealedDigest(env: Cloudflare.Env, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { digest } = await keysOf(env);
  return new Uint8Array(await crypto.subtle.sign("HMAC", digest, bytes)).toHex();
}

interface Keys {
  encryption: CryptoKey;
  digest: CryptoKey;
}

/** The last derived keys: an installation has only one secret. */
let derived: { from: string; keys: Keys } | undefined;

async function keysOf({ SKEIN_SECRETS_KEY: secret }: Cloudflare.Env): Promise<Keys> {
  // workerd binds a variable that is not set to null.
  if (typeof secret !== "string" || secret.length < LEAST_CHARS) {
    const lacks = secret ? "is shorter than 32 random bytes in base64" : "is not set";
    throw new SkeinError(
      "secrets_key_missing",
      `secretEnv and credentials of registries are stored encrypted, and this API's SKEIN_SECRETS_KEY ${lacks}: ask its operator (docs/security.md, Secrets)`,
    );
  }
  if (derived?.from === secret) return derived.keys;
  const root = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, ["deriveKey"]);
  const of = (info: string) => ({
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(),
    info: encoder.encode(info),
  });
  const keys = {
    encryption: await crypto.subtle.deriveKey(
      of("skein secrets v1"),
      root,
      { name: "AES-GCM", length: 256 },
      false,
      ["encrypt", "decrypt"],
    ),
    digest: await crypto.subtle.deriveKey(
      of("skein digests of secrets v1"),
      root,
      { name: "HMAC", hash: "SHA-256", length: 256 },
      false,
      ["sign"],
    ),
  };
  derived = { from: secret, keys };
  return keys;
}
