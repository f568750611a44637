import { expect, test } from "vitest";
import { fleet, GiB, node, specOf } from "../testing/fixtures.ts";
import { limitsOf, sayLimits } from "./limits.ts";
import { plan } from "./planner.ts";

const ofNode = { capacity: { memory: 8 * GiB }, ulimits: { memlock: "unlimited", nofile: 1024 } } as const;

test("/dev/shm is what is asked for, else the memory limit, else half of the node's memory", () => {
  expect(limitsOf({ resources: { shm: 1, memory: GiB } }, ofNode).shm).toBe(1);
  expect(limitsOf({ resources: { memory: GiB } }, ofNode).shm).toBe(GiB);
  expect(limitsOf({ resources: {} }, ofNode).shm).toBe(4 * GiB);
  expect(limitsOf({ resources: {} }, { capacity: { memory: 0 } }).shm).toBe(64 * 2 ** 20);
});

test("in words", () => {
  expect(sayLimits(limitsOf({ resources: {} }, ofNode))).toBe(
    "/dev/shm 4GiB, memlock unlimited, nofile 1024",
  );
  expect(sayLimits({ shm: GiB })).toBe("/dev/shm 1GiB");
});

const small = node(1, { ulimits: { memlock: 65536, nofile: 1024 } });
const unknown = node(2, { ulimits: undefined });
const wide = node(3);

test("a session runs only on nodes that can give its ulimits, and the plan has those of each node", () => {
  const wants = specOf({ image: "a", clusterMode: "multi-node", clusterSize: 2, ulimits: { nofile: 4096 } });
  const { plan: made } = plan(wants, fleet([small, unknown, wide]));
  expect(made!.containers.map(({ nodeId, limits }) => [nodeId, limits.nofile])).toEqual([
    ["node_3", 4096],
    ["node_3", 4096],
  ]);
  const any = specOf({ image: "a", clusterMode: "multi-node", clusterSize: 3 });
  const { plan: spread } = plan(any, fleet([small, unknown, wide]));
  expect(spread!.containers.map(({ limits: { memlock, nofile } }) => [memlock, nofile])).toEqual([
    [65536, 1024],
    [undefined, undefined],
    ["unlimited", 2 ** 20],
  ]);
});

test("a refusal says which node cannot give what", () => {
  const wants = specOf({ image: "a", ulimits: { memlock: "unlimited" } });
  const { refusal } = plan(wants, fleet([small, unknown]));
  expect(refusal).toMatchObject({
    never: true,
    reason: "the fleet has no node that can give memlock unlimited",
  });
  expect(refusal!.nodes()).toEqual([
    { node: "host1", reason: "cannot give memlock unlimited (at most 64KiB)" },
    { node: "host2", reason: "cannot give memlock unlimited (what its engine can give is not known)" },
  ]);
  const away = fleet([small, { ...wide, schedulable: false }]);
  expect(plan(wants, away).refusal!.reason).toBe(
    "no node can be used now: 1 cordoned, 1 that cannot give its ulimits",
  );
});
