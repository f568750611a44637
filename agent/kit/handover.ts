/**
 * A tar in the container's own folder that `start` unpacks first. Docker's archive API could do the same, but each call costs the engine a
 * process and 45 ms of CPU. The file is removed before the gate opens, so the command never sees it.
 */
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** For a container that runs as the node's root: only root may read the file, and unpack it anywhere. */
export async function handOver(selfDir: string, tar: Buffer): Promise<void> {
  const path = join(selfDir, "files.tar");
  await writeFile(`${path}.new`, tar, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Removes the file, which has private keys in it. To be called when the container has unpacked it. */
export async function takeBack(selfDir: string): Promise<void> {
  await rm(join(selfDir, "files.tar"), { force: true });
}
