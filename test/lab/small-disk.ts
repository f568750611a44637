/** A disk for one directory, small enough to fill. */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command.ts";
import { unmountBelow } from "./mounts.ts";

/** Size in mount's notation: enough for an agent's state. */
const SIZE = "2m";

export interface SmallDisk {
  /** Leaves no byte free. */
  fill(): void;
  free(): void;
  unmount(): Promise<void>;
}

/** Mounts it, and creates the directory if needed. Only the lab's mount namespace sees it. */
export async function smallDisk(directory: string, size = SIZE): Promise<SmallDisk> {
  mkdirSync(directory, { recursive: true });
  await run(["mount", "-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", directory]);
  return diskAt(directory);
}

/** The disk that is mounted there. */
export function diskAt(directory: string): SmallDisk {
  const filler = join(directory, "filler");
  return {
    fill: () => fill(filler),
    free: () => rmSync(filler, { force: true }),
    unmount: () => unmountBelow(directory),
  };
}

function fill(path: string): void {
  const block = Buffer.alloc(4096);
  const file = openSync(path, "a");
  try {
    for (;;) writeSync(file, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}
