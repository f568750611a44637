import { expect, test } from "vitest";
import { fleet, GiB, hosts, node, specOf } from "../testing/fixtures.ts";
import { plan } from "./planner.ts";

const refusal = (request: object, nodes: ReturnType<typeof hosts>) => {
  const planning = plan(specOf(request), fleet(nodes));
  if (!planning.refusal) throw new Error("was planned");
  const { reason, never, lacks } = planning.refusal;
  expect(lacks).toBe("room");
  return { reason, never, nodes: planning.refusal.nodes() };
};
const multi = { clusterMode: "multi-node" };

test("no nodes at all", () => {
  expect(refusal({}, [])).toEqual({
    never: true,
    reason: "the fleet has no nodes; start skein agent on one",
    nodes: [],
  });
});

test("larger than the whole fleet, cordoned and lost nodes counted", () => {
  const nodes = [node(1), node(2, { schedulable: false }), node(3, { status: "lost" })];
  for (const clusterMode of ["single-node", "multi-node"]) {
    const { never, reason } = refusal({ clusterMode, clusterSize: 64, resources: { cpu: 1 } }, nodes);
    expect(never).toBe(true);
    expect(reason).toBe("needs 64 cores in all; the whole fleet has 12");
  }
});

test("would fit, were the nodes not cordoned, disconnected or lost", () => {
  const nodes = [
    node(1, { schedulable: false }),
    node(2, { status: "disconnected" }),
    node(3, { status: "lost", schedulable: false }),
  ];
  expect(refusal({}, nodes)).toEqual({
    never: false,
    reason: "no node can be used now: 1 cordoned, 1 disconnected, 1 lost",
    nodes: [
      { node: "host1", reason: "cordoned" },
      { node: "host2", reason: "disconnected" },
      { node: "host3", reason: "lost; cordoned" },
    ],
  });
});

test("labels that are missing, or other than asked for", () => {
  const request = { placement: { labels: { zone: "a", toString: "x" } } };
  expect(refusal(request, [node(1), node(2, { labels: { zone: "b", toString: "x" } })])).toEqual({
    never: true,
    reason: "the fleet has no node with zone=a, toString=x",
    nodes: [
      { node: "host1", reason: "label zone=a is missing; label toString=x is missing" },
      { node: "host2", reason: "label zone is b, not a" },
    ],
  });
});

test("one container larger than every node", () => {
  const { never, reason } = refusal({ ...multi, clusterSize: 2, resources: { cpu: 5 } }, hosts(4));
  expect(never).toBe(true);
  expect(reason).toBe("needs 5 cores for main1; the largest node of the fleet has 4");
});

test("room in pieces that are too small", () => {
  const request = { ...multi, clusterSize: 3, resources: { cpu: 2.5 } };
  expect(refusal(request, hosts(2))).toEqual({
    never: true,
    reason: "no node of the fleet, even without other sessions, has 2.5 cores left for sub2",
    nodes: [
      { node: "host1", reason: "has room for 1 of 3 containers; sub2 needs 2.5 cores, 1.5 of 4 left" },
      { node: "host2", reason: "has room for 1 of 3 containers; sub2 needs 2.5 cores, 1.5 of 4 left" },
    ],
  });
});

test("taken by other sessions for now", () => {
  const allocated = { cpu: 2.5, memory: 7 * GiB, gpuIds: ["gpu-1"], containers: 4 };
  const roles = [
    { name: "main", replicas: 1 },
    { name: "worker", replicas: 1, resources: { cpu: 4, memory: "2GiB", gpu: 2 } },
  ];
  expect(refusal({ ...multi, roles }, [node(1, { allocated })])).toEqual({
    never: false,
    reason: [
      "needs 4 cores in all; the usable nodes have 1.5 free",
      "needs 2GiB of memory in all; the usable nodes have 1GiB free",
      "needs 2 gpus in all; the usable nodes have 1 free",
    ].join("; "),
    nodes: [
      {
        node: "host1",
        reason:
          "worker1 needs 4 cores, 1.5 of 4 free; needs 2GiB of memory, 1GiB of 8GiB free; needs 2 gpus, 1 of 2 free",
      },
    ],
  });
});

test("a node that shrank below what it holds has nothing free, and takes nothing from the sum over all", () => {
  const shrunk = node(1, { allocated: { cpu: 6, memory: 0, gpuIds: [], containers: 1 } });
  expect(refusal({ resources: { cpu: 1 } }, [shrunk]).nodes[0]!.reason).toBe("needs 1 core, 0 of 4 free");
  expect(plan(specOf({}), fleet([shrunk])).plan).toBeDefined();
  const request = { ...multi, clusterSize: 5, resources: { cpu: 1 } };
  expect(refusal(request, [shrunk, node(2)]).reason).toBe(
    "needs 5 cores in all; the usable nodes have 4 free",
  );
});

test("the nodes of a refusal are those of the snapshot it was made on, whatever was planned since", () => {
  const snapshot = fleet(hosts(1));
  const { refusal: refused } = plan(specOf({ resources: { cpu: 5 } }), snapshot);
  plan(specOf({ resources: { cpu: 4 } }), snapshot);
  expect(refused!.nodes()).toEqual([{ node: "host1", reason: "needs 5 cores, 4 of 4 free" }]);
});
