/** The API as another build of it would be: the same sources, but for one optional field more in what it writes for a session's nodes. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const WRITER = "shared/protocol/assignments.ts";
/** Where a layout and a part begin, each in one place. */
const BEGINNINGS = ["    layout: {\n", "        {\n          place,\n"] as const;

/** What the field says. It has no other use than to be found. */
export const FROM_THE_FUTURE = "what only the newer build writes";

/** Makes it in `dir`: a checkout that `skein serve` runs from. Answers with `dir`. */
export function otherApiBuild(dir: string): string {
  mkdirSync(dir);
  for (const part of ["api", "cli", "shared", "skein", "package.json", "package-lock.json"]) {
    const wanted = (path: string) => !/\.test\.|\/testing$|\/golden$/.test(path);
    cpSync(join(ROOT, part), join(dir, part), { recursive: true, filter: wanted });
  }
  symlinkSync(join(ROOT, "node_modules"), join(dir, "node_modules"));
  let source = readFileSync(join(dir, WRITER), "utf8");
  for (const beginning of BEGINNINGS) {
    if (source.split(beginning).length !== 2) throw new Error(`${WRITER} has not one ${beginning.trim()}`);
    source = source.replace(beginning, `${beginning}fromTheFuture: ${JSON.stringify(FROM_THE_FUTURE)},\n`);
  }
  writeFileSync(join(dir, WRITER), source);
  return dir;
}
