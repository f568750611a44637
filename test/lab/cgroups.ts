/** The lab's control groups: in every hierarchy (version 1 has one per controller), one directory per lab. */
import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const root = "/sys/fs/cgroup";

/** The control group (a path, as `--cgroup-parent` wants it) of the lab with this id. */
export function cgroupOf(labId: string): string {
  return `/skein-lab-${labId}`;
}

/**
 * Removes a control group from every hierarchy. The kernel refuses while a process is in it. Killed processes get ten seconds to be gone,
 * then this throws the kernel's EBUSY.
 */
export async function removeCgroup(cgroup: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      for (const directory of directoriesOf(cgroup)) removeTree(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY" || Date.now() > deadline) throw error;
      await delay(10);
    }
  }
}

/** Directories of a control group that exist, one per hierarchy. */
export function directoriesOf(cgroup: string): string[] {
  const hierarchies = [root, ...subdirectories(root)];
  return hierarchies.map((hierarchy) => join(hierarchy, cgroup)).filter((path) => existsSync(path));
}

/** Only directories can be removed, deepest first: the files in them belong to the kernel. */
function removeTree(directory: string): void {
  for (const child of subdirectories(directory)) removeTree(child);
  rmdirSync(directory);
}

function subdirectories(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(directory, entry.name));
}
