/**
 * Times the planner and one round over the queue: `node bench/planner.ts [NODES]` (9,000 unless given). In one process,
 * without an API. Prints CPU milliseconds: the first call, and the median of 25.
 */
import { plan } from "../shared/plan/planner.ts";
import { queueRound } from "../shared/queue/queue.ts";
import { fleet, GiB, node, specOf } from "../shared/testing/fixtures.ts";

const NODES = Number(process.argv[2] ?? 9000);
const ROUNDS = 25;
const GPUS = ["0", "1", "2", "3", "4", "5", "6", "7"];

/** 16 cores, 64 GiB and 8 GPUs each, in random order; `busy`: up to 2 cores, 60 GiB and 4 GPUs of each are free. */
function nodes(busy: boolean) {
  return Array.from({ length: NODES }, (_, i) => {
    const mixed = (i * 7919) % NODES;
    const held = {
      cpu: 14 + (mixed % 3) / 2,
      memory: (4 + (mixed % 60)) * GiB,
      gpuIds: GPUS.slice(0, 4 + (mixed % 5)),
    };
    return node(mixed, {
      capacity: { cpu: 16, memory: 64 * GiB, gpu: 8 },
      gpuIds: GPUS,
      ...(busy ? { allocated: { ...held, containers: 3 } } : {}),
    });
  });
}

function time(what: string, work: () => void): void {
  const all = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  const median = all.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
  console.log(`${what.padEnd(64)} ${all[0]!.toFixed(1).padStart(7)} ${median.toFixed(1).padStart(7)}`);
}

/** A round over sessions that all have to wait. */
function waitingRound(requests: object[]): () => void {
  const snapshot = fleet(nodes(true));
  const nothing = { subnets: [], vnis: [] };
  const demands = requests.map((request) => ({
    spec: specOf(request),
    avoid: nothing,
    evaluation: null,
    current: false,
  }));
  const queue = demands.map((_, i) => ({ id: `ses_${i}`, demand: i, since: 0 }));
  return () => {
    const { evaluations } = queueRound(
      queue,
      { of: (demand) => demands[demand]!, untried: demands.length },
      { snapshot, lingering: nothing },
      { now: 0, patience: 1000 },
    );
    if (evaluations.size !== requests.length)
      throw new Error(`${evaluations.size} of ${requests.length} wait`);
  };
}

const multi = { clusterMode: "multi-node" };
const twenty = (request: (i: number) => object) => Array.from({ length: 20 }, (_, i) => request(i));
const reserved = {
  subnets: Array.from({ length: 1000 }, (_, i) => `10.${64 + (i >> 8)}.${i % 256}.0/24`),
  vnis: Array.from({ length: 1000 }, (_, i) => 0x800000 + i),
};

console.log(`${`${NODES} nodes; CPU ms`.padEnd(64)} ${"first".padStart(7)} ${"median".padStart(7)}`);
for (const busy of [false, true]) {
  const snapshot = fleet(nodes(busy), reserved);
  for (const strategy of ["spread", "pack"]) {
    const spec = specOf({ ...multi, clusterSize: 64, resources: { cpu: 1 }, placement: { strategy } });
    time(`plan of 64 containers, ${strategy}, ${busy ? "busy" : "empty"} nodes`, () => {
      if (!plan(spec, snapshot).plan) throw new Error("was refused");
    });
  }
}
time(
  "round over 20 demands of one role, too large for each node now",
  waitingRound(twenty((i) => ({ ...multi, clusterSize: 64, resources: { cpu: 4 + i / 2 } }))),
);
time(
  "round over 20 demands of two roles, one of them too large now",
  waitingRound(
    twenty((i) => ({
      ...multi,
      roles: [
        { name: "main", replicas: 1, resources: { cpu: 1 } },
        { name: "worker", replicas: 8 + i, resources: { cpu: 4, gpu: 2 } },
      ],
    })),
  ),
);
/** `a` to `z`, then `aa` and so on: names for many roles. */
const letters = (i: number): string =>
  (i < 26 ? "" : letters(Math.floor(i / 26) - 1)) + String.fromCharCode(97 + (i % 26));
time(
  "round over 20 demands of 1,024 different roles, one too large now",
  waitingRound(
    twenty((at) => ({
      ...multi,
      roles: Array.from({ length: 1024 }, (_, i) => ({
        name: i === 0 ? "main" : `x-${letters(i)}`,
        replicas: 1,
        resources: i === 0 ? { cpu: 4 + at / 2 } : { memory: i },
      })),
    })),
  ),
);
time(
  "round over 20 demands that no node could ever hold",
  waitingRound(twenty((i) => ({ ...multi, clusterSize: 2, resources: { cpu: 20 + i } }))),
);
time(
  "round over 20 demands of labels that no node has",
  waitingRound(twenty((i) => ({ placement: { labels: { zone: `z${i}` } } }))),
);
