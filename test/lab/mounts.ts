/** Mounts of the current namespace. */
import { readFileSync } from "node:fs";
import { run } from "./command.ts";

/** Mount points at or below a directory, in the order in which they were mounted. */
export function mountsBelow(directory: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point === directory || point.startsWith(`${directory}/`));
}

/** Unmounts everything at or below a directory, innermost first. */
export async function unmountBelow(directory: string): Promise<void> {
  for (const point of mountsBelow(directory).reverse()) await run(["umount", "--lazy", point]);
}
