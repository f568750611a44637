/**
 * Advisory file locks (flock(2)). The lock belongs to the open file description, not to a process: it lasts until every process that holds
 * the descriptor has closed it or died.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { exitStatus } from "./exit-status.ts";

export interface Lock extends Disposable {
  /** The descriptor that holds the lock, to share with children. */
  readonly fd: number;
}

/** flock's status for "already locked", distinct from all others that it uses. */
const TAKEN = 75;

/** The lock of a file (created if missing), or undefined if it is taken. */
export async function tryLock(path: string): Promise<Lock | undefined> {
  return acquire(path, ["--nonblock"]);
}

/** Waits for the lock of a file (created if missing). */
export async function lock(path: string): Promise<Lock> {
  const held = await acquire(path, []);
  if (held === undefined) throw new Error(`flock ${path}: refused without --nonblock`);
  return held;
}

async function acquire(path: string, flags: string[]): Promise<Lock | undefined> {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, "a", 0o600);
  // Node has no flock. The child locks the open file description that it shares with us, as its descriptor 3.
  const child = spawn("flock", [...flags, "--conflict-exit-code", String(TAKEN), "3"], {
    stdio: ["ignore", "ignore", "inherit", fd],
  });
  const [code, signal] = await once(child, "exit");
  if (code === 0) return { fd, [Symbol.dispose]: () => closeSync(fd) };
  closeSync(fd);
  if (code === TAKEN) return undefined;
  throw new Error(`flock ${path}: exit ${exitStatus(code, signal)}`);
}
