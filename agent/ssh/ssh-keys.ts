/**
 * Ed25519 key pairs, in the formats of OpenSSH and Dropbear. The private half is in a KeyObject, so that neither JSON nor a log line can
 * show it.
 */
import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";

export interface KeyPair {
  readonly privateKey: KeyObject;
  /** Raw (RFC 8032), in base64url without padding: the form of our protocol. */
  readonly publicKey: string;
}

const type = "ssh-ed25519";

/** Makes a random pair, in about 0.1 ms. */
export function makeKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privateKey, publicKey: publicKey.export({ format: "jwk" }).x! };
}

/** OpenSSH's file format, not encrypted (OpenSSH `PROTOCOL.key`). */
export function opensshPrivateKey({ privateKey }: KeyPair, comment: string): string {
  const { seed, point } = halves(privateKey);
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    string(type),
    string(point),
    string(Buffer.concat([seed, point])),
    string(comment),
  ]);
  // The padding 1, 2, 3, … fills up the cipher's block size, which is 8 for "none".
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1));
  const body = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    string("none"),
    string("none"),
    string(""),
    uint32(1),
    string(publicBlob(point)),
    string(Buffer.concat([secret, padding])),
  ]);
  const lines = body.toString("base64").match(/.{1,70}/g)!;
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join(
    "\n",
  );
}

/** Dropbear's file format (`ed25519.c`, `buf_put_ed25519_priv_key`). */
export function dropbearPrivateKey({ privateKey }: KeyPair): Buffer {
  const { seed, point } = halves(privateKey);
  return Buffer.concat([string(type), string(Buffer.concat([seed, point]))]);
}

/** The 32-byte seed and the 32-byte public point (RFC 8032). */
function halves(key: KeyObject): { seed: Buffer; point: Buffer } {
  const { d, x } = key.export({ format: "jwk" });
  return { seed: Buffer.from(d!, "base64url"), point: Buffer.from(x!, "base64url") };
}

/** RFC 8709, section 4. */
function publicBlob(point: Buffer): Buffer {
  return Buffer.concat([string(type), string(point)]);
}

/** RFC 4251, section 5. */
function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
