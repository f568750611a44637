/**
 * 1 GB through `skein forward` and through `ssh -L`, on the same machines in the same run, and what else goes on meanwhile.
 * `npm run bench:forward`; `--rounds N` (default 3). Exit code 1 if Skein is slower than 0.8 Gbit/s, or
 * than a quarter of ssh; or if `skein ps` is slower beside it than alone on a core of its own, or than beside ssh on shared cores.
 */
import { parseArgs } from "node:util";
import { startCluster } from "../test/lab/cluster.ts";
import { enterLab } from "../test/lab/enter.ts";
import { insideLab } from "../test/lab/lab.ts";
import { beside } from "./forward/beside.ts";
import { Job, PORTS } from "./forward/job.ts";
import { ensureOpenSsh, sshWay } from "./forward/openssh.ts";
import { type Measured, misses, report } from "./forward/report.ts";
import { skeinWay } from "./forward/skein-way.ts";
import { memory, stalled } from "./forward/stalled.ts";
import { DIRECTIONS, Transfers } from "./forward/transfers.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a whole number from 1 up");

async function measure(): Promise<void> {
  const cluster = await startCluster({ hosts: 1 });
  try {
    const job = await Job.start(cluster);
    using transfers = new Transfers(job);
    const ports = Object.values(PORTS);
    const skein = await skeinWay(job, ports);
    const ssh = await sshWay(job, ports);
    const ways = [skein, ssh];
    const fresh = memory(job, skein.pid(PORTS.give));
    const speeds: Measured["speeds"] = { skein: { down: [], up: [] }, ssh: { down: [], up: [] } };
    for (let round = 1; round <= rounds; round++) {
      for (const direction of DIRECTIONS)
        for (const way of round % 2 === 0 ? ways.toReversed() : ways) {
          const speed = await transfers[direction](way);
          console.error(`round ${round}: ${way.name} ${direction} ${speed.toFixed(2)} Gbit/s`);
          speeds[way.name][direction].push(speed);
        }
    }
    const measured = {
      speeds,
      beside: await beside(job, transfers, skein, ssh),
      fresh,
      stalled: await stalled(job, skein),
    };
    for (const way of ways) await way.close();
    await cluster.end(job.session);
    console.log(report(measured));
    for (const miss of misses(measured)) {
      console.error(miss);
      process.exitCode = 1;
    }
  } finally {
    await cluster.close();
  }
}

if (insideLab()) await measure();
else {
  await ensureOpenSsh();
  process.exitCode = await enterLab([process.execPath, import.meta.filename, ...process.argv.slice(2)]);
}
