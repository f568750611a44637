/** Watches how many file descriptors a process has open, and warns before they run out. Without /proc (macOS): nothing. */
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { type DescriptorUse, descriptorLimit, isFull } from "./descriptors.ts";

export interface DescriptorWatch {
  /** Read at each check: the process may have restarted. */
  pid(): number;
  /** Called once when 80 % are in use, and again only after less than 70 % were. */
  warn(use: DescriptorUse): void;
  everyMs?: number;
}

/**
 * Returns the function that ends the watch. It polls because the kernel has no event for opened descriptors. One check lists /proc/PID/fd:
 * 20 ms at 20,000 descriptors, off the main thread.
 */
export function watchDescriptors({ pid, warn, everyMs = 10_000 }: DescriptorWatch): () => void {
  let full = false;
  let isLooking = false;
  const look = async () => {
    // One at a time: an older answer must not come after a newer one.
    if (isLooking) return;
    isLooking = true;
    const use = await descriptorUse(pid());
    isLooking = false;
    if (use === undefined) return;
    const wasFull = full;
    full = isFull(use, wasFull);
    if (full && !wasFull) warn(use);
  };
  const timer = setInterval(look, everyMs);
  return () => clearInterval(timer);
}

/** The limit of this process, which workerd inherits (workerd.ts says why); undefined without /proc. */
export function ownDescriptorLimit(): number | undefined {
  try {
    return descriptorLimit(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    return undefined;
  }
}

/** Undefined if the process has just ended, or the system has no /proc. */
async function descriptorUse(pid: number): Promise<DescriptorUse | undefined> {
  try {
    const [limits, open] = await Promise.all([
      readFile(`/proc/${pid}/limits`, "utf8"),
      readdir(`/proc/${pid}/fd`),
    ]);
    const limit = descriptorLimit(limits);
    return limit === undefined ? undefined : { used: open.length, limit };
  } catch {
    return undefined;
  }
}
