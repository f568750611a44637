/** Processes on a machine of the lab, found by network namespace and control group, so that daemons do not escape. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export interface RunningProcess {
  pid: number;
  argv: string[];
  cgroup: string;
}

/** Processes in a network namespace (given by path), or in a control group and those below it. Without zombies. */
export function processesOf(netns: string, cgroup: string): RunningProcess[] {
  const namespace = `net:[${statSync(netns).ino}]`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => describe(Number(pid)))
    .filter((each) => each.namespace === namespace || each.cgroup.includes(`${cgroup}/`))
    .map(({ pid, argv, cgroup }) => ({ pid, argv, cgroup }));
}

/** Ends these processes with SIGKILL and waits until they are gone. Throws if one is still there after ten seconds. */
export async function killAll(list: () => RunningProcess[]): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (let left = list(); left.length > 0; left = list()) {
    if (Date.now() > deadline) {
      throw new Error(`Do not end: ${left.map(({ pid, argv }) => `${pid} ${argv.join(" ")}`).join("; ")}`);
    }
    for (const { pid } of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself just now.
      }
    }
    await delay(10);
  }
}

function describe(pid: number): (RunningProcess & { namespace: string })[] {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    const cgroup = readFileSync(`/proc/${pid}/cgroup`, "utf8");
    // A zombie has no namespaces, so reading its link fails.
    return [{ pid, argv, cgroup, namespace: readlinkSync(`/proc/${pid}/ns/net`) }];
  } catch {
    return [];
  }
}
