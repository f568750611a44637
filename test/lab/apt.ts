/** apt-get, as the lab uses it: without questions, and with new package lists only if the present ones do not suffice. */
import { capture, type Result, run } from "./command.ts";
import { labPath } from "./path.ts";

/** dpkg fails unless it finds the administrator's programs. */
const env = () => ({ ...process.env, PATH: labPath(), DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" });

const aptGet = [
  ...["apt-get", "--yes", "--no-install-recommends"],
  // Seconds to wait for the lock: other programs may be installing, too.
  ...["-o", "DPkg::Lock::Timeout=300"],
  ...["-o", "Acquire::Retries=3"],
];

/**
 * Runs `apt-get install` with these arguments (options and packages), and `options` that say where package lists are. Throws with apt's
 * output when it fails.
 */
export async function aptInstall(args: string[], options: string[] = []): Promise<void> {
  const attempt = (): Promise<Result> => capture([...aptGet, ...options, "install", ...args], { env: env() });
  // On a fresh machine there are no package lists, and old ones name files that are no longer there.
  if ((await attempt()).code === 0) return;
  await run([...aptGet, ...options, "update"], { env: env() });
  const second = await attempt();
  if (second.code !== 0)
    throw new Error(`apt-get install ${args.join(" ")}:\n${second.stderr}${second.stdout}`);
}
