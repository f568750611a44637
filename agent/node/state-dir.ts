/** The agent's state directory: readable for the agent only (0700), and locked by one agent at a time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";

/** Locks the directory until `release` or the end of the process. @throws Error when another agent has locked it. */
export async function openState(dir: string): Promise<{ release(): void }> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  const lock = openSync(join(dir, "lock"), "a", 0o600);
  // Node.js has no flock(2). The lock belongs to the open file, which the child shares with this process.
  const child = spawn("flock", ["--nonblock", "--conflict-exit-code", "75", "3"], {
    stdio: ["ignore", "ignore", "inherit", lock],
  });
  const [code] = await once(child, "exit");
  if (code === 0) return { release: () => closeSync(lock) };
  closeSync(lock);
  throw new Error(
    code === 75
      ? `another agent uses ${dir}: stop it, or use another --state`
      : `${dir} could not be locked: flock ended with ${code}`,
  );
}
