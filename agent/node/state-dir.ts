/** The agent's state directory: its own only (0700), and one agent's at a time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";

/** Taken until `release`, at the latest until the process's end. Throws where another agent has it. */
export async function openState(dir: string): Promise<{ release(): void }> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  const lock = openSync(join(dir, "lock"), "a", 0o600);
  // Node has no flock(2). The lock belongs to the open file, which the child shares and we keep.
  const child = spawn("flock", ["--nonblock", "--conflict-exit-code", "75", "3"], {
    stdio: ["ignore", "ignore", "inherit", lock],
  });
  const [code] = await once(child, "exit");
  if (code === 0) return { release: () => closeSync(lock) };
  closeSync(lock);
  throw new Error(
    code === 75
      ? `another agent uses ${dir}: end it, or give this one a --state of its own`
      : `${dir} could not be locked: flock ended with ${code}`,
  );
}
