/**
 * The keys of a session's users, in each container's own folder on the node. The container has that folder read-only, so the agent changes
 * the file while the container runs, and a container that starts again has it too.
 */
import { chmod, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** login-server.conf names it. */
const USERS_KEYS = "authorized_keys";

/** As a whole or not at all. `sshKeys` are lines without options (shared/ssh/public-key.ts checks them). */
export async function letIn(selfDir: string, sshKeys: readonly string[]): Promise<void> {
  if (sshKeys.length === 0) return;
  const path = join(selfDir, USERS_KEYS);
  await writeFile(`${path}.new`, sshKeys.map((line) => `${line}\n`).join(""));
  // The server reads it as the container's user, whatever the agent's umask is. Public keys are no secret.
  await chmod(`${path}.new`, 0o644);
  await rename(`${path}.new`, path);
}
