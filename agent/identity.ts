/** Who this node is: a key pair made here whose private half never leaves, and the fleet it joined. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Owner } from "./network/names.ts";

const Joined = z.object({ fleet: z.string(), node: z.string(), name: z.string() });
/** As `identity.json` has it: the fleet's and the node's ids, the node's name. */
export type Joined = z.infer<typeof Joined>;

export interface Identity extends Owner, Joined {
  /** Ed25519 (RFC 8032), base64url. */
  sign(text: string): string;
}

/** The node's private key, made on first use; 0600. */
export async function loadKey(stateDir: string): Promise<KeyObject> {
  const path = join(stateDir, "node-key.pem");
  const stored = await readIfThere(path);
  if (stored !== undefined) return createPrivateKey(stored);
  const { privateKey } = generateKeyPairSync("ed25519");
  await writeWhole(path, privateKey.export({ type: "pkcs8", format: "pem" }) as string);
  return privateKey;
}

/** Raw Ed25519 public key, base64url without padding. */
export function publicKeyOf(key: KeyObject): string {
  return createPublicKey(key).export({ format: "jwk" }).x!;
}

/** Which fleet this state directory joined; undefined before. */
export async function loadJoined(stateDir: string): Promise<Joined | undefined> {
  const path = join(stateDir, "identity.json");
  const stored = await readIfThere(path);
  if (stored === undefined) return undefined;
  try {
    return Joined.parse(JSON.parse(stored));
  } catch {
    throw new Error(`${path} is damaged: restore it, or join again with another --state`);
  }
}

export async function saveJoined(stateDir: string, joined: Joined): Promise<void> {
  await writeWhole(join(stateDir, "identity.json"), `${JSON.stringify(joined, null, 2)}\n`);
}

export function identityOf(joined: Joined, key: KeyObject): Identity {
  return { ...joined, sign: (text) => sign(null, Buffer.from(text), key).toString("base64url") };
}

async function readIfThere(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** All of it or nothing, whenever the power goes. */
async function writeWhole(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}
