/** Files with a secret that is made at the first start, and kept. */
import { randomBytes } from "node:crypto";
import { existsSync, linkSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";

/** Its text; undefined if the file is not there. */
export function readSecret(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

/** Its text. Without the file: 32 random bytes after the prefix, for its owner only (0600). */
export function madeOnce(path: string, prefix = ""): string {
  const known = readSecret(path);
  if (known !== undefined) return known;
  const whole = `${path}.${process.pid}`;
  writeFileSync(whole, `${prefix}${randomBytes(32).toString("base64url")}\n`, { mode: 0o600 });
  try {
    // link, not rename: of two first starts at once, one makes the secret and both use it. No process reads it half written.
    linkSync(whole, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(whole);
  }
  return readSecret(path)!;
}
