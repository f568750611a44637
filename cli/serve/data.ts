/** The data directory of `skein serve`: its SQLite files, and the admin token. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Makes the directory (0700) with what workerd wants to find in it, and gives the admin token, made at first. */
export function prepareData(directory: string): string {
  mkdirSync(join(directory, "objects"), { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  return adminToken(directory);
}

/** The admin token of a data directory, or undefined where none was ever made. */
export function readAdminToken(directory: string): string | undefined {
  const path = join(directory, "admin-token");
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

function adminToken(directory: string): string {
  const known = readAdminToken(directory);
  if (known !== undefined) return known;
  const path = join(directory, "admin-token");
  const whole = `${path}.${process.pid}`;
  writeFileSync(whole, `ska_${randomBytes(32).toString("base64url")}\n`, { mode: 0o600 });
  try {
    // link, not rename: of two first starts, one makes the token and both use it. It is never seen half written.
    linkSync(whole, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(whole);
  }
  return readAdminToken(directory)!;
}
