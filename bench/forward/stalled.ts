/** What processes hold in memory for a reader that does not read, while the other side sends without end. */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { processesOf } from "../../test/lab/processes.ts";
import { type Job, PORTS } from "./job.ts";
import type { SkeinWay } from "./skein-way.ts";

const PROCESSES = ["agent", "workerd", "client"] as const;
/** Resident memory in MiB. */
export type Memory = Record<(typeof PROCESSES)[number], number>;

export interface Stalled {
  /** After all transfers. */
  rest: Memory;
  /** While a client on this machine reads nothing; while the container reads nothing. */
  client: Memory;
  container: Memory;
}

const WATCH_MS = 5_000;

export async function stalled(job: Job, way: SkeinWay): Promise<Stalled> {
  const rest = memory(job, way.pid(PORTS.flood));
  const client = await peak(job, way, PORTS.flood, (socket) => socket.pause());
  const container = await peak(job, way, PORTS.ignore, (socket) => {
    const more = () => {
      while (socket.write(Buffer.alloc(65_536)));
    };
    socket.on("drain", more);
    more();
  });
  return { rest, client, container };
}

/** The most that each process has at a time, from the connection on. */
async function peak(job: Job, way: SkeinWay, port: number, use: (socket: Socket) => void): Promise<Memory> {
  const socket = connect(way.local(port), "127.0.0.1").on("error", () => {});
  use(socket);
  let most = memory(job, way.pid(port));
  for (const until = performance.now() + WATCH_MS; performance.now() < until; await pause(100)) {
    const now = memory(job, way.pid(port));
    most = Object.fromEntries(PROCESSES.map((name) => [name, Math.max(most[name], now[name])])) as Memory;
  }
  socket.resetAndDestroy();
  return most;
}

export function memory({ cluster, host }: Job, client: number): Memory {
  const find = (netns: string, isIt: (argv: string[]) => boolean) =>
    processesOf(netns, "no group").find(({ argv }) => isIt(argv))!.pid;
  const agent = find(host.netns, (argv) => argv.includes("agent"));
  const workerd = find(cluster.lab.api.netns, ([name]) => name!.endsWith("/workerd"));
  return { agent: resident(agent), workerd: resident(workerd), client: resident(client) };
}

function resident(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
  return Math.round(Number(kilobytes) / 1024);
}
