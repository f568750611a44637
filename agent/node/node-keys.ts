/**
 * The node's key and, while it is being replaced, the next one. The next key is on disk before the API gets it, and both are kept until the
 * API has confirmed one. So after a crash at any point one of them opens the link.
 * All functions are synchronous, so that nothing happens in between. The files are small, and take a millisecond.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class NodeKeys {
  readonly #dir: string;
  #current: KeyObject;
  #next: KeyObject | undefined;
  #usesNext = false;

  /** Reads the keys of a state directory, and makes the first one. Files are 0600. */
  constructor(stateDir: string) {
    this.#dir = stateDir;
    this.#current = this.#read("current") ?? this.#make("current");
    this.#next = this.#read("next");
  }

  /** The public half of the key in use: raw Ed25519, base64url without padding. */
  get publicKey(): string {
    return publicKeyOf(this.#inUse);
  }

  /** Signs with the key in use: Ed25519 (RFC 8032), base64url. */
  sign(text: string): string {
    return signWith(this.#inUse, text);
  }

  /** The API does not know the key in use. True when there is another key, which is used from now on. */
  refused(): boolean {
    if (this.#usesNext || this.#next === undefined) return false;
    this.#usesNext = true;
    return true;
  }

  /** The API accepted the key in use. The other one, if any, is deleted. True when the next key has become the node's key. */
  accepted(): boolean {
    const replaced = this.#usesNext;
    if (replaced) this.#promote();
    else if (this.#next !== undefined) rmSync(this.#path("next"), { force: true });
    this.#next = undefined;
    return replaced;
  }

  /** Makes the next key. The present one stays in use. */
  begin(): { publicKey: string; sign(text: string): string } {
    const next = this.#make("next");
    this.#next = next;
    return { publicKey: publicKeyOf(next), sign: (text) => signWith(next, text) };
  }

  /** The API has stored this key as the node's. False when it is not the next key. */
  replaced(publicKey: string): boolean {
    if (this.#next === undefined || publicKeyOf(this.#next) !== publicKey) return false;
    this.#promote();
    this.#next = undefined;
    return true;
  }

  get #inUse(): KeyObject {
    return this.#usesNext && this.#next ? this.#next : this.#current;
  }

  #promote(): void {
    renameSync(this.#path("next"), this.#path("current"));
    this.#current = this.#next!;
    this.#usesNext = false;
  }

  #path(which: "current" | "next"): string {
    return join(this.#dir, which === "current" ? "node-key.pem" : "node-key.next.pem");
  }

  #read(which: "current" | "next"): KeyObject | undefined {
    try {
      return createPrivateKey(readFileSync(this.#path(which)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Writes the whole file or nothing, also when the power fails; the directory is flushed too. */
  #make(which: "current" | "next"): KeyObject {
    const { privateKey } = generateKeyPairSync("ed25519");
    const path = this.#path(which);
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    writeFileSync(`${path}.new`, pem, { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
    const dir = openSync(this.#dir, "r");
    try {
      fsyncSync(dir);
    } finally {
      closeSync(dir);
    }
    return privateKey;
  }
}

function publicKeyOf(key: KeyObject): string {
  return createPublicKey(key).export({ format: "jwk" }).x!;
}

function signWith(key: KeyObject, text: string): string {
  return sign(null, Buffer.from(text), key).toString("base64url");
}
