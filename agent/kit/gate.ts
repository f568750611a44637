/**
 * The gate: `start` in the container reads one line from `gate` in its own folder before it runs the command. A FIFO holds it
 * there without polling; once open, the gate is a regular file, which lets every later start pass at once.
 */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Makes a container's own folder with a closed gate in it. A gate that is there, open or closed, stays as it is. */
export async function makeGate(selfDir: string): Promise<void> {
  const gate = join(selfDir, "gate");
  await mkdir(selfDir, { recursive: true });
  // Whatever the umask, and whatever user the container has. There is no secret in it.
  await chmod(selfDir, 0o755);
  if (await lstat(gate).catch(() => undefined)) return;
  // Any user of the container may wait; only the agent opens. Node has no mkfifo(3).
  await run("mkfifo", ["-m", "0644", gate]);
}

/**
 * Opens the gate, for good; also after an agent's restart, and again.
 * No waiter is missed: one that has the FIFO open holds the newline in the pipe (so the agent need not stay), and one
 * that comes later finds the file.
 */
export async function openGate(selfDir: string): Promise<void> {
  const gate = join(selfDir, "gate");
  const found = await lstat(gate).catch(() => undefined);
  if (found?.isFile()) return;
  const opened = join(selfDir, "gate.open");
  await writeFile(opened, "\n", { mode: 0o644 });
  if (!found) return await rename(opened, gate);
  // Read and write: opening a FIFO to write would wait for a reader (fifo(7)). And never wait: a read-only mount does not keep the
  // container's root from filling a pipe (who does that has opened its own gate already).
  const pipe = await open(gate, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    await pipe.write("\n").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EAGAIN") throw error;
    });
    await rename(opened, gate);
  } finally {
    await pipe.close();
  }
}
