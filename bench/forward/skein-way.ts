/** `skein forward`, one for each port. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Job } from "./job.ts";
import type { Way } from "./way.ts";

const LAUNCHER = join(import.meta.dirname, "../../skein");

export interface SkeinWay extends Way {
  /** The command that carries connections to that port. */
  pid(port: number): number;
}

export async function skeinWay(job: Job, ports: readonly number[]): Promise<SkeinWay> {
  const forwards = new Map<number, { child: ChildProcess; local: number }>();
  await Promise.all(ports.map(async (port) => forwards.set(port, await forward(job, port))));
  return {
    name: "skein",
    local: (port) => forwards.get(port)!.local,
    pid: (port) => forwards.get(port)!.child.pid!,
    async close() {
      await Promise.all([...forwards.values()].map(({ child }) => ended(child)));
    },
  };
}

/** `./skein ARGS` on the client's machine, `through` another program if given. */
export function startSkein(
  { cluster: { api } }: Job,
  args: readonly string[],
  through: readonly string[] = [],
): ChildProcess {
  const env = { ...process.env, SKEIN_API: api.url, SKEIN_TOKEN: api.token };
  const [program, ...rest] = [...through, LAUNCHER, ...args];
  return spawn(program!, rest, { env, stdio: ["ignore", "pipe", "inherit"] });
}

async function forward(job: Job, port: number): Promise<{ child: ChildProcess; local: number }> {
  const child = startSkein(job, ["forward", job.session.id, String(port), "0"]);
  const [said] = (await once(child.stdout!, "data")) as [Buffer];
  return { child, local: Number(/:(\d+) leads/.exec(said.toString())![1]) };
}

export async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGINT");
  await exit;
}
