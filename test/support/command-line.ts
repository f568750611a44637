/** `./skein`, as a user has it on the lab's client machine, with the admin's token: for tests with a cluster of their own. */
import { join } from "node:path";
import type { Cluster } from "../lab/cluster.ts";
import { capture, type Result } from "../lab/command.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Runs `./skein ARGS` to its end. */
export function skeinOf(cluster: Cluster, args: readonly string[]): Promise<Result> {
  return capture(["./skein", ...args], { cwd: ROOT, env: environmentOf(cluster) });
}

/** Runs a script of bash, as one types it at the root of the checkout. */
export function typed(cluster: Cluster, script: string): Promise<Result> {
  return capture(["bash", "-euo", "pipefail", "-c", script], { cwd: ROOT, env: environmentOf(cluster) });
}

function environmentOf({ api }: Cluster): NodeJS.ProcessEnv {
  return { ...process.env, SKEIN_API: api.url, SKEIN_TOKEN: api.token };
}
