/**
 * What `start` in a container unpacks before all else: a tar in the container's own folder. Docker's archive API would do the same, but
 * each call of it costs the engine a process and 45 ms of CPU. There until the gate opens, so the command never sees it.
 */
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** For a container that runs as the node's root: only that one may read it, and unpack it anywhere. */
export async function handOver(selfDir: string, tar: Buffer): Promise<void> {
  const path = join(selfDir, "files.tar");
  await writeFile(`${path}.new`, tar, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** To be called when the container has it. It has private keys in it. */
export async function takeBack(selfDir: string): Promise<void> {
  await rm(join(selfDir, "files.tar"), { force: true });
}
