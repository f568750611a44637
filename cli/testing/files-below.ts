/** Files of programs that still run. SQLite, for one, removes a database's log when its object falls asleep. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Paths of all regular files below `directory`, but those in folders named `leaveOut`. Links are not followed. */
export function filesBelow(directory: string, leaveOut?: string): string[] {
  const entries = unlessGone([], () => readdirSync(directory, { withFileTypes: true }));
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === leaveOut ? [] : filesBelow(path, leaveOut);
    return entry.isFile() ? [path] : [];
  });
}

/** A file's bytes; none where it is gone by now. */
export function contentOf(path: string): Buffer {
  return unlessGone(Buffer.alloc(0), () => readFileSync(path));
}

function unlessGone<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return otherwise;
  }
}
