/** Digests and random text, by WebCrypto. */

/** SHA-256 of text or bytes. */
export function sha256(of: string | Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", typeof of === "string" ? new TextEncoder().encode(of) : of);
}

/** SHA-256 in hexadecimal. */
export async function sha256Hex(of: string | Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await sha256(of)).toHex();
}

/** 32 random bytes, base64url without padding. */
export function randomText(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}

export function toBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Undefined if `text` is not base64url. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    return undefined;
  }
}
