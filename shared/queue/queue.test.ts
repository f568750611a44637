import { afterEach, describe, expect, test } from "vitest";
import { withPlan } from "../plan/holdings.ts";
import type { NodeSnapshot, Snapshot } from "../plan/plan.ts";
import { plan } from "../plan/planner.ts";
import { readSpec } from "../request/spec.ts";
import { applySettings, SETTINGS_TABLE } from "../settings/settings.ts";
import { fleet, GiB, hosts, node } from "../testing/fixtures.ts";
import { type Ask, type QueueRound, queueRound, type Waiting, waitingReason } from "./queue.ts";

const NOTHING = { subnets: [], vnis: [] };
const PATIENCE = 1000;

/** A round over sessions `ses_0`, `ses_1`, …; each has waited for so long. */
function round(
  snapshot: Snapshot,
  bodies: object[],
  { waited = [], lingering = NOTHING }: { waited?: number[]; lingering?: Snapshot["reserved"] } = {},
): QueueRound {
  const asks = bodies.map(
    (body): Ask => ({
      demand: readSpec({ image: "a", ...body }),
      avoid: NOTHING,
      found: null,
      current: false,
    }),
  );
  const queue = asks.map((_, i): Waiting => ({ id: `ses_${i}`, ask: i, since: 5000 - (waited[i] ?? 0) }));
  return queueRound(
    queue,
    { of: (ask) => asks[ask]!, untried: asks.length },
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

  test("is overtaken as long as it is patient, and not any longer", () => {
    const snapshot = fleet([busy(1, 2)]);
    expect(admitted(round(snapshot, [large, small], { waited: [PATIENCE - 1] }))).toEqual(["ses_1"]);
    const { admitted: none, findings } = round(snapshot, [large, small], { waited: [PATIENCE] });
    expect(none).toEqual([]);
    expect(findings.get(0)!.reason).toMatch(/^needs 4 cores in all; the usable nodes have 2 free$/);
  });

  test("leaves the nodes that cannot serve it to those behind, who say what they wait for", () => {
    const gpus = { resources: { gpu: 2 } };
    const [withGpus, without] = [
      node(1, { allocated: { cpu: 0, memory: 0, gpuIds: ["gpu-0"], containers: 1 } }),
      node(2, { capacity: { cpu: 1, memory: GiB, gpu: 0 }, gpuIds: [] }),
    ];
    const bodies = [gpus, { resources: { cpu: 1 } }, { resources: { cpu: 0.5 } }];
    const { admitted: began, findings } = round(fleet([withGpus, without]), bodies, { waited: [PATIENCE] });
    expect(began.map(({ id, plan: { nodes } }) => [id, nodes[0]!.id])).toEqual([["ses_1", "node_2"]]);
    expect(findings.get(2)!.reason).toBe(
      "there is room, but it is kept for a session that has waited longer",
    );
  });

  test("has its network kept, too", () => {
    applySettings({ addressPool: "10.64.0.0/21" });
    const many = { clusterMode: "multi-node", clusterSize: 300, placement: { labels: { zone: "a" } } };
    const nodes = [node(1, { labels: { zone: "a" } }), node(2)];
    const subnets = [0, 2, 4, 6].map((third) => `10.64.${third}.0/24`);
    const { admitted: began } = round(fleet(nodes, { subnets }), [many, {}, {}], { waited: [PATIENCE] });
    expect(began.map(({ plan: { network } }) => network.subnet)).toEqual(["10.64.3.0/24", "10.64.5.0/24"]);
  });

  test("claims nothing where networks that nobody can free are in its way", () => {
    applySettings({ addressPool: "10.64.0.0/21" });
    const many = { clusterMode: "multi-node", clusterSize: 300 };
    const subnets = [0, 2, 4, 6].map((third) => `10.64.${third}.0/24`);
    const snapshot = fleet(hosts(1), { subnets });
    const waited = [PATIENCE];
    expect(admitted(round(snapshot, [many, {}], { waited }))).toEqual([]);
    expect(admitted(round(snapshot, [many, {}], { waited, lingering: snapshot.reserved }))).toEqual([
      "ses_1",
    ]);
  });

  test("of several sizes: finds on the nodes that serve it what it would not find among all", () => {
    const capacities = [
      [8, 12],
      [7, 6],
      [9, 14],
      [7, 2],
      [200, 0.5],
    ] as const;
    const nodes = capacities.map(([cpu, gib], i) =>
      node(i, { capacity: { cpu, memory: gib * GiB, gpu: 0 } }),
    );
    const sizes = [
      [1, 5, 2],
      [4, 4, 1],
      [1, 4, 6],
      [3, 1, 2],
    ] as const;
    const roles = sizes.map(([replicas, cpu, gib], i) => ({
      name: ["main", "a", "b", "c"][i],
      replicas,
      resources: { cpu, memory: gib * GiB },
    }));
    const body = { clusterMode: "multi-node", roles };
    expect(plan(readSpec({ image: "a", ...body }), fleet(nodes)).refusal).toBeDefined();
    expect(admitted(round(fleet(nodes), [body]))).toEqual(["ses_0"]);
  });

  afterEach(() => applySettings({ addressPool: SETTINGS_TABLE.addressPool.default }));
});

test("what is reserved in a round is what the plans hold", () => {
  const spec = readSpec({ image: "a", clusterSize: 3, resources: { cpu: 1, memory: GiB, gpu: 1 } });
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
