import { describe, expect, test } from "vitest";
import { withPlan } from "../plan/holdings.ts";
import type { NodeSnapshot, Snapshot } from "../plan/plan.ts";
import { plan } from "../plan/planner.ts";
import { fleet, GiB, hosts, node, specOf } from "../testing/fixtures.ts";
import type { Demand } from "./demand.ts";
import { type QueueRound, queueRound, type Waiting, waitingReason } from "./queue.ts";

const NOTHING = { subnets: [], vnis: [] };
const PATIENCE = 1000;
/** Eight /24. */
const SMALL = { addressPool: "10.64.0.0/21" };

/** A round over sessions `ses_0`, `ses_1`, …; `waited`: for how long each has (0 unless given). */
function round(
  snapshot: Snapshot,
  requests: object[],
  { waited = [], lingering = NOTHING }: { waited?: number[]; lingering?: Snapshot["reserved"] } = {},
): QueueRound {
  const demands = requests.map(
    (request): Demand => ({ spec: specOf(request), avoid: NOTHING, evaluation: null, current: false }),
  );
  const queue = demands.map(
    (_, i): Waiting => ({ id: `ses_${i}`, demand: i, since: 5000 - (waited[i] ?? 0) }),
  );
  return queueRound(
    queue,
    { of: (demand) => demands[demand]!, untried: demands.length },
    { snapshot, lingering },
    { now: 5000, patience: PATIENCE },
  );
}

const admitted = (of: QueueRound) => of.admitted.map(({ id }) => id);

/** Other sessions hold so many cores of it. */
function busy(number: number, cpu: number, over: Partial<NodeSnapshot> = {}): NodeSnapshot {
  return node(number, { allocated: { cpu, memory: 0, gpuIds: [], containers: 1 }, ...over });
}

describe("a session that waits for room", () => {
  const large = { resources: { cpu: 4 } };
  const small = { resources: { cpu: 1 } };

  test("is overtaken until its patience ends", () => {
    const snapshot = fleet([busy(1, 2)]);
    expect(admitted(round(snapshot, [large, small], { waited: [PATIENCE - 1] }))).toEqual(["ses_1"]);
    const { admitted: none, evaluations } = round(snapshot, [large, small], { waited: [PATIENCE] });
    expect(none).toEqual([]);
    expect(evaluations.get(0)!.reason).toMatch(/^needs 4 cores in all; the usable nodes have 2 free$/);
  });

  test("leaves the nodes that cannot serve it to the sessions behind, and those say what they wait for", () => {
    const gpus = { resources: { gpu: 2 } };
    const [withGpus, without] = [
      node(1, { allocated: { cpu: 0, memory: 0, gpuIds: ["gpu-0"], containers: 1 } }),
      node(2, { capacity: { cpu: 1, memory: GiB, gpu: 0 }, gpuIds: [] }),
    ];
    const bodies = [gpus, { resources: { cpu: 1 } }, { resources: { cpu: 0.5 } }];
    const { admitted: began, evaluations } = round(fleet([withGpus, without]), bodies, {
      waited: [PATIENCE],
    });
    expect(began.map(({ id, plan: { nodes } }) => [id, nodes[0]!.id])).toEqual([["ses_1", "node_2"]]);
    expect(evaluations.get(2)!.reason).toBe(
      "there is room, but it is kept for a session that has waited longer",
    );
  });

  test("keeps its network from the sessions behind, too", () => {
    const many = { clusterMode: "multi-node", clusterSize: 300, placement: { labels: { zone: "a" } } };
    const nodes = [node(1, { labels: { zone: "a" } }), node(2)];
    const subnets = [0, 2, 4, 6].map((third) => `10.64.${third}.0/24`);
    const { admitted: began } = round(fleet(nodes, { subnets }, SMALL), [many, {}, {}], {
      waited: [PATIENCE],
    });
    expect(began.map(({ plan: { network } }) => network.subnet)).toEqual(["10.64.3.0/24", "10.64.5.0/24"]);
  });

  test("claims nothing where networks are in its way that no session's end frees", () => {
    const many = { clusterMode: "multi-node", clusterSize: 300 };
    const subnets = [0, 2, 4, 6].map((third) => `10.64.${third}.0/24`);
    const snapshot = fleet(hosts(1), { subnets }, SMALL);
    const waited = [PATIENCE];
    expect(admitted(round(snapshot, [many, {}], { waited }))).toEqual([]);
    expect(admitted(round(snapshot, [many, {}], { waited, lingering: snapshot.reserved }))).toEqual([
      "ses_1",
    ]);
  });
});

test("20 demands that do not fit on 9,000 nodes are looked at in one round, in milliseconds", () => {
  const nodes = Array.from({ length: 9000 }, (_, i) => busy(i, 3 + (i % 3) / 2));
  const requests = Array.from({ length: 20 }, (_, i) => ({
    clusterMode: "multi-node",
    clusterSize: 64,
    resources: { cpu: 2 + i / 10 },
  }));
  const start = performance.now();
  const { evaluations, unfinished } = round(fleet(nodes), requests);
  // 30 to 60 ms on a small machine; the bound only catches another order of growth.
  expect(performance.now() - start).toBeLessThan(1000);
  expect([evaluations.size, unfinished]).toEqual([20, false]);
  expect(evaluations.get(0)!.reason).toBe(
    "needs 2 cores for main1; the most that a usable node has is 1 free",
  );
});

test("what is reserved in a round is what the plans hold", () => {
  const spec = specOf({ clusterSize: 3, resources: { cpu: 1, memory: GiB, gpu: 1 } });
  const snapshot = fleet([
    busy(1, 2, { gpuIds: ["a", "b", "c"], capacity: { cpu: 8, memory: 8 * GiB, gpu: 3 } }),
  ]);
  const after = withPlan(snapshot, spec, plan(spec, snapshot).plan!);
  expect(after.nodes[0]!.allocated).toEqual({
    cpu: 5,
    memory: 3 * GiB,
    gpuIds: ["a", "b", "c"],
    containers: 4,
  });
  expect(after.reserved).toEqual({ subnets: ["10.64.0.0/24"], vnis: [] });
});

test.each([
  [1, "1st"],
  [2, "2nd"],
  [3, "3rd"],
  [4, "4th"],
  [11, "11th"],
  [12, "12th"],
  [21, "21st"],
  [112, "112th"],
  [1003, "1003rd"],
])("place %i reads %s", (place, text) => {
  expect(waitingReason("needs 2 cores", place)).toBe(`needs 2 cores; ${text} in the queue`);
});
