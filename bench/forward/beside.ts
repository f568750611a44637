/** What goes on beside a transfer: `skein ps`, a request to the API, and another stream of the same session. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import type { Job } from "./job.ts";
import { ended, startSkein } from "./skein-way.ts";
import type { Transfers } from "./transfers.ts";
import type { Way } from "./way.ts";

const COMMANDS = 9;
const TURNS = 3;
const REQUESTS = 101;
/** The other stream prints a line in this time. */
const LINE_MS = 20;

/** Milliseconds. */
export interface Beside {
  /** Of `skein ps`, from start to end. */
  ps: number[];
  /** Of `GET /v1/sessions`. */
  request: number[];
  /** Between lines of the other stream. */
  lines: number[];
}

/** With nothing else, and while data comes out of the container over each way. On one machine all of them share its cores, so ssh shows what is due to that. */
export interface Besides {
  alone: Beside;
  skein: Beside;
  ssh: Beside;
  /** Of `skein ps` on a core that nothing else uses, as on three machines: alone, and beside `skein forward`. */
  apart: { alone: number[]; skein: number[] };
}

/** All in turn, since machines are slower at some times than at others. */
export async function beside(job: Job, transfers: Transfers, skein: Way, ssh: Way): Promise<Besides> {
  const looks = { alone: [] as Beside[], skein: [] as Beside[], ssh: [] as Beside[] };
  for (let turn = 0; turn < TURNS; turn++) {
    looks.alone.push(await look(job));
    looks.skein.push(await during(transfers, skein, () => look(job)));
    looks.ssh.push(await during(transfers, ssh, () => look(job)));
  }
  return {
    alone: joined(looks.alone),
    skein: joined(looks.skein),
    ssh: joined(looks.ssh),
    apart: await apart(job, transfers, skein),
  };
}

function joined(looks: readonly Beside[]): Beside {
  return {
    ps: looks.flatMap(({ ps }) => ps),
    request: looks.flatMap(({ request }) => request),
    lines: looks.flatMap(({ lines }) => lines),
  };
}

/** The API, the node and the transfer share one core, as slow as that makes them. */
async function apart(job: Job, transfers: Transfers, skein: Way): Promise<Besides["apart"]> {
  const ps = () => commands(job, ["taskset", "--cpu-list", "1"]);
  const found: Besides["apart"] = { alone: [], skein: [] };
  pinAll("0");
  try {
    for (let turn = 0; turn < TURNS; turn++) {
      found.alone.push(...(await ps()));
      found.skein.push(...(await during(transfers, skein, ps)));
    }
    return found;
  } finally {
    pinAll(`0-${cpus().length - 1}`);
  }
}

/** All processes of the lab's own namespace, this one too. Those that end meanwhile do not matter. */
function pinAll(cores: string): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    spawnSync("taskset", ["--all-tasks", "--cpu-list", "--pid", cores, pid]);
}

function commands(job: Job, through: readonly string[] = []): Promise<number[]> {
  return times(COMMANDS, async () => {
    const [code] = await once(startSkein(job, ["ps"], through), "exit");
    if (code !== 0) throw new Error(`skein ps ended with ${code}`);
  });
}

async function during<T>(transfers: Transfers, way: Way, work: () => Promise<T>): Promise<T> {
  let flowing = true;
  const flow = (async () => {
    while (flowing) await transfers.down(way);
  })();
  const done = work().finally(() => {
    flowing = false;
  });
  return (await Promise.all([done, flow]))[0];
}

async function look(job: Job): Promise<Beside> {
  const script = `while :; do echo; sleep ${LINE_MS / 1000}; done`;
  const other = startSkein(job, ["exec", "--no-stdin", job.session.id, "--", "sh", "-c", script]);
  const lines: number[] = [];
  let last: number | undefined;
  other.stdout!.on("data", () => {
    const now = performance.now();
    if (last !== undefined) lines.push(now - last);
    last = now;
  });
  await once(other.stdout!, "data");
  const ps = await commands(job);
  const request = await times(REQUESTS, () => job.cluster.skein.listSessions());
  await ended(other);
  return { ps, request, lines };
}

async function times(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) {
    const before = performance.now();
    await work();
    all.push(performance.now() - before);
  }
  return all;
}
