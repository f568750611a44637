/** The data directory of `skein serve`: its SQLite files, and the admin token. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Creates the directory (0700) with what workerd needs in it. Returns the admin token, which it makes at the first start. */
export function prepareData(directory: string): string {
  mkdirSync(join(directory, "objects"), { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  return adminToken(directory);
}

/** The admin token of a data directory; undefined if it has none yet. */
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
    // link, not rename: of two first starts at once, one makes the token and both use it. No process reads it half written.
    linkSync(whole, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(whole);
  }
  return readAdminToken(directory)!;
}
