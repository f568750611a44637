/**
 * The gate: `start` in the container reads one line from the file `gate` before it runs the command. While the gate is closed the file is
 * a FIFO, so `start` waits without polling. Once it is open the file is a regular one, and each later start passes at once.
 */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Makes a container's own folder with a closed gate in it. A gate that exists, open or closed, is not changed. */
export async function makeGate(selfDir: string): Promise<void> {
  const gate = join(selfDir, "gate");
  await mkdir(selfDir, { recursive: true });
  // Readable for any user of the container, whatever the umask. There is no secret in it.
  await chmod(selfDir, 0o755);
  if (await lstat(gate).catch(() => undefined)) return;
  // Any user of the container may read it; only the agent may write. Node.js has no mkfifo(3).
  await run("mkfifo", ["-m", "0644", gate]);
}

/**
 * Opens the gate for good. May be repeated, also after an agent's restart.
 * No waiting container is missed. One that has the FIFO open keeps the newline in the pipe, so the agent need not stay; a later one finds
 * the regular file.
 */
export async function openGate(selfDir: string): Promise<void> {
  const gate = join(selfDir, "gate");
  const found = await lstat(gate).catch(() => undefined);
  if (found?.isFile()) return;
  const opened = join(selfDir, "gate.open");
  await writeFile(opened, "\n", { mode: 0o644 });
  if (!found) return await rename(opened, gate);
  // Opened to read and write, since opening a FIFO to write waits for a reader (fifo(7)). Never blocks: root in a container can fill the
  // pipe even through a read-only mount. Such a container has opened its own gate already.
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
