/** What streams have left on the hosts: processes in containers, sockets that programs of the kit call, tunnels. */
import { globSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Cluster } from "../lab/cluster.ts";
import type { LabHost } from "../lab/host.ts";

/** Milliseconds: SIGKILL comes 10 s after SIGHUP, and a forwarder ends 10 s after its last connection. */
const GONE = 25_000;
/** Milliseconds after which an idle tunnel is closed: a minute, and a margin. */
const IDLE = 75_000;

/** Programs of the kit for streams, and what echoes. */
const OURS = /kit\/(exec|keep|forward|dial|joined|bin\/s6)|^(\S+\/busybox )?cat$/;

/** A line for each thing that stays. */
export async function remains({ agents }: Cluster): Promise<string[]> {
  return await lastOf(GONE, async () => {
    const found = await Promise.all(
      agents.map(async ({ host, stateDir }) => [
        ...globSync("sessions/*/*/self/call-*", { cwd: stateDir }).map(
          (path) => `${host.name}: socket ${path}`,
        ),
        ...(await processesOn(host)),
      ]),
    );
    return found.flat();
  });
}

/** Connections from agents to the API, apart from one link each. */
export async function tunnels({ agents, api }: Cluster): Promise<string[]> {
  const port = new URL(api.url).port;
  return await lastOf(IDLE, async () => {
    const counts = await Promise.all(
      agents.map(async ({ host }) => {
        const { stdout } = await host.exec(["ss", "-Htn", "state", "established", "dport", "=", `:${port}`]);
        return [host.name, stdout.trim().split("\n").length] as const;
      }),
    );
    return counts
      .filter(([, count]) => count > 1)
      .map(([name, count]) => `${name}: ${count - 1} tunnels without streams`);
  });
}

async function processesOn({ name, docker }: LabHost): Promise<string[]> {
  const all = await docker.listContainers({ filters: { label: ["skein.fleet"] } });
  const found = await Promise.all(
    all.map(async ({ Id, Names }) => {
      const top = await docker
        .getContainer(Id)
        .top({ ps_args: "-eo pid,args" })
        .catch(() => undefined);
      const lines: string[] = (top?.Processes ?? []).map(([, ...args]: string[]) => args.join(" "));
      return lines.filter((line) => OURS.test(line)).map((line) => `${name}: ${line} in ${Names[0]}`);
    }),
  );
  return found.flat();
}

/** Nothing, once there is nothing; else what is found when time is up. */
async function lastOf(limit: number, look: () => Promise<string[]>): Promise<string[]> {
  const until = Date.now() + limit;
  for (;;) {
    const found = await look();
    if (found.length === 0 || Date.now() > until) return found;
    await pause(250);
  }
}
