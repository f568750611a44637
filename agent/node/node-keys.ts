/**
 * The node's key, and while it is being replaced the next one. The next is on disk before the API hears of it, and both are kept until
 * the API has said which of them counts: so a crash at any point leaves one that opens the link.
 * All synchronous: nothing may come between, and files as small as these take a millisecond.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class NodeKeys {
  readonly #dir: string;
  #current: KeyObject;
  #next: KeyObject | undefined;
  #usesNext = false;

  /** Of a state directory; the key is made on first use. Files are 0600. */
  constructor(stateDir: string) {
    this.#dir = stateDir;
    this.#current = this.#read("current") ?? this.#make("current");
    this.#next = this.#read("next");
  }

  /** Of the key in use: raw Ed25519, base64url without padding. */
  get publicKey(): string {
    return publicKeyOf(this.#inUse);
  }

  /** With the key in use: Ed25519 (RFC 8032), base64url. */
  sign(text: string): string {
    return signWith(this.#inUse, text);
  }

  /** The API does not know the key in use. True where there is another, which is in use from now on. */
  refused(): boolean {
    if (this.#usesNext || this.#next === undefined) return false;
    this.#usesNext = true;
    return true;
  }

  /** The API took the key in use: it is the node's, and the other, if there is one, is nobody's. True where it is the next one. */
  accepted(): boolean {
    const replaced = this.#usesNext;
    if (replaced) this.#promote();
    else if (this.#next !== undefined) rmSync(this.#path("next"), { force: true });
    this.#next = undefined;
    return replaced;
  }

  /** Makes the next key; the one in use stays in use. */
  begin(): { publicKey: string; sign(text: string): string } {
    const next = this.#make("next");
    this.#next = next;
    return { publicKey: publicKeyOf(next), sign: (text) => signWith(next, text) };
  }

  /** The API has taken this key for the node's. False where it is not the next one. */
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

  /** All of it or nothing, whenever the power goes; the directory's entry too. */
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
