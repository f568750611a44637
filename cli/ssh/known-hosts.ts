/** The host keys of a session's containers, in files of their own: the user's known_hosts stays as it is. */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Session } from "../../sdk/index.ts";
import { sshDirectory } from "./ssh-directory.ts";
import { aliasOf, type Reachable } from "./ssh-settings.ts";

const SUFFIX = ".known_hosts";
/** Files of sessions that nobody asked about for so long go. */
const KEPT_MS = 90 * 24 * 3600_000;

/** Writes the file of one session, and returns its path. Commands at the same time leave one whole file. */
export function writeKnownHosts(
  { id, name }: Pick<Session, "id" | "name">,
  containers: readonly Reachable[],
): string {
  const directory = sshDirectory();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  removeOld(directory);
  const path = join(directory, `${id}${SUFFIX}`);
  const lines = containers.map(({ host, ssh }) => `${aliasOf(host, name)} ${ssh.hostKey}\n`);
  const own = join(directory, `${id}.${process.pid}${SUFFIX}`);
  writeFileSync(own, lines.join(""), { mode: 0o600 });
  renameSync(own, path);
  return path;
}

function removeOld(directory: string): void {
  for (const file of readdirSync(directory).filter((each) => each.endsWith(SUFFIX))) {
    const path = join(directory, file);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > KEPT_MS) rmSync(path, { force: true });
  }
}
