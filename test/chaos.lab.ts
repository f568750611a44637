/** A short chaos run with its own seed; `npm run chaos` makes longer ones. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHAOS_CLUSTER, chaos } from "./chaos/run.ts";
import { type Cluster, startCluster } from "./lab/cluster.ts";

const SECONDS = 15;
/** Far fewer faults than it has time for, but a run without any must not pass. */
const LEAST_FAULTS = 5;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster(CHAOS_CLUSTER);
});

afterAll(() => cluster.close());

test("under any kill, cut or deletion every session settles, running ones keep their promise, nothing leaks", async () => {
  const lines: string[] = [];
  const { faults, sessions, tried, streams, problems } = await chaos(cluster, {
    seconds: SECONDS,
    seed: 21,
    untilIdle: false,
    say: (line) => lines.push(line),
  });
  expect(problems, lines.join("\n")).toEqual([]);
  const count = (figures: Record<string, number>) =>
    Object.values(figures).reduce((sum, each) => sum + each, 0);
  expect(count(faults)).toBeGreaterThan(LEAST_FAULTS);
  expect(count(sessions)).toBeGreaterThan(0);
  expect(tried).toBeGreaterThan(0);
  expect(Math.min(streams.lines, streams.output, streams.events)).toBeGreaterThan(100);
}, 360_000);
