/** `npm run chaos -- [--minutes M] [--seed S]`: prints figures; exit status 1 if it finds a problem. */
import { parseArgs } from "node:util";
import { startCluster } from "../lab/cluster.ts";
import { CHAOS_CLUSTER, chaos } from "./run.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
  },
});
const began = Date.now();
const cluster = await startCluster(CHAOS_CLUSTER);
try {
  console.error(`logs: ${cluster.lab.dir}`);
  const figures = await chaos(cluster, {
    seconds: Number(values.minutes) * 60,
    seed: Number(values.seed),
    untilIdle: true,
    say: (line) => console.error(`${((Date.now() - began) / 1000).toFixed(1)} s  ${line}`),
  });
  const faults = Object.values(figures.faults).reduce((sum, count) => sum + count, 0);
  const sessions = Object.values(figures.sessions).reduce((sum, count) => sum + count, 0);
  console.log(JSON.stringify(figures, null, 2));
  const { tried, excused, streams, problems } = figures;
  console.log(
    `${faults} faults, ${sessions} sessions, ${tried} pairs tried, ${excused.length} of them excused, ${streams.streams} streams, ${problems.length} problems`,
  );
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  await cluster.close();
}
