/**
 * The highest ulimits that the engine can give to containers. Runc sets them before the container's program runs, with the rights of containerd,
 * whose limits and capabilities it inherits; dockerd starts containerd on some hosts. Asking for more than they can give makes every container fail.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { UlimitsView } from "../../shared/node/ulimits.ts";

const ENGINES = new Set(["dockerd", "containerd"]);

/** Bit of CAP_SYS_RESOURCE (capabilities(7)): with it a process may raise hard limits, except open files above `fs.nr_open`. */
const SYS_RESOURCE = 24n;

/**
 * The least of all engines' processes of this machine, as their sockets do not tell which is whose. Undefined where none can be seen: the
 * agent runs in a container of its own without the host's processes, or the engine is something else.
 */
export async function engineUlimits(proc = "/proc"): Promise<UlimitsView | undefined> {
  const pids = (await readdir(proc).catch(() => [])).filter((name) => /^\d+$/.test(name));
  const most = await readNumber(join(proc, "sys/fs/nr_open"));
  const found = (await Promise.all(pids.map((pid) => ulimitsOf(join(proc, pid), most)))).flat();
  if (found.length === 0) return undefined;
  const memlock = Math.min(...found.map((each) => each.memlock));
  return {
    memlock: memlock === Infinity ? "unlimited" : memlock,
    nofile: Math.min(most, ...found.map((each) => each.nofile)),
  };
}

/** Empty for a process that is no engine, has ended, or does not show its limits. */
async function ulimitsOf(dir: string, most: number): Promise<{ memlock: number; nofile: number }[]> {
  try {
    if (!ENGINES.has((await readFile(join(dir, "comm"), "utf8")).trim())) return [];
    const [limits, status, users] = await Promise.all(
      ["limits", "status", "uid_map"].map((name) => readFile(join(dir, name), "utf8")),
    );
    if (!isOfMachine(status!)) return [];
    if (mayRaise(status!, users!)) return [{ memlock: Infinity, nofile: most }];
    return [{ memlock: hard(limits!, "Max locked memory"), nofile: hard(limits!, "Max open files") }];
  } catch {
    return [];
  }
}

/** Root's, and in no container: processes there may take any name. A process of a container has an id in its own namespace, too. */
function isOfMachine(status: string): boolean {
  return /^Uid:\s*0\s/m.test(status) && /^NSpid:\s*\d+\s*$/m.test(status);
}

/** Only in the first user namespace the capability counts: its map is the identity (user_namespaces(7)). */
function mayRaise(status: string, users: string): boolean {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  const whole = /^\s*0\s+0\s+4294967295\s*$/.test(users);
  return whole && bounding !== undefined && ((BigInt(`0x${bounding}`) >> SYS_RESOURCE) & 1n) === 1n;
}

/** The hard limit of a line of /proc/PID/limits (proc_pid_limits(5)). @throws Error without such a line */
function hard(limits: string, name: string): number {
  const value = new RegExp(`^${name}\\s+\\S+\\s+(\\S+)`, "m").exec(limits)?.[1];
  if (value === undefined) throw new Error(`no limit ${name}`);
  return value === "unlimited" ? Infinity : Number(value);
}

async function readNumber(path: string): Promise<number> {
  return await readFile(path, "utf8").then(Number, () => 2 ** 20);
}
