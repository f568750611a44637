/** The data directory of `skein serve`: its SQLite files, and the admin token. */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { madeOnce, readSecret } from "./made-once.ts";

/** Creates the directory (0700) with what workerd needs in it. Returns the admin token, which it makes at the first start. */
export function prepareData(directory: string): string {
  mkdirSync(join(directory, "objects"), { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  return madeOnce(tokenFile(directory), "ska_");
}

/** The admin token of a data directory; undefined if it has none yet. */
export function readAdminToken(directory: string): string | undefined {
  return readSecret(tokenFile(directory));
}

function tokenFile(directory: string): string {
  return join(directory, "admin-token");
}
