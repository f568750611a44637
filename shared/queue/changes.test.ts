import { describe, expect, test } from "vitest";
import type { NodeSnapshot } from "../plan/plan.ts";
import { node, specOf } from "../testing/fixtures.ts";
import { concerns, mayHelp } from "./changes.ts";
import type { Demand, Evaluation } from "./demand.ts";

const claim = { subnet: "10.64.0.0/24", vni: null };
const waitsForRoom: Evaluation = { reason: "needs room", lacks: "room", claim };

function demand(request: object, evaluation: Evaluation | null = waitsForRoom): Demand {
  return { spec: specOf(request), avoid: { subnets: [], vnis: [] }, evaluation, current: true };
}

/** Other sessions hold so many of its 4 cores. */
const busy = (cpu: number, over: Partial<NodeSnapshot> = {}) =>
  node(1, { allocated: { cpu, memory: 0, gpuIds: [], containers: 1 }, ...over });

describe("room that was freed on some nodes", () => {
  const two = { clusterSize: 2, resources: { cpu: 1.5 } };
  test.each<[string, object, NodeSnapshot[], boolean]>([
    ["one container fits now", { ...two, clusterMode: "multi-node" }, [busy(2.5)], true],
    ["none fits yet", { ...two, clusterMode: "multi-node" }, [busy(3), busy(4)], false],
    ["on one node all have to fit", two, [busy(2.5)], false],
    ["all fit on one of them", two, [busy(4), busy(1)], true],
    ["the node is cordoned", two, [busy(0, { schedulable: false })], false],
    ["the node is away", two, [busy(0, { status: "disconnected" })], false],
    ["the node has not the labels", { ...two, placement: { labels: { zone: "a" } } }, [busy(0)], false],
    ["the node does not allow it", { ...two, privileged: true }, [busy(0)], false],
    ["no node", two, [], false],
  ])("%s: %#", (_, request, changed, helps) => {
    expect(mayHelp(demand(request), changed)).toBe(helps);
  });

  test.each<[string, Evaluation | null, boolean]>([
    ["was not looked at yet", null, true],
    ["lacks a network", { ...waitsForRoom, lacks: "network" }, true],
    ["waits for its turn", { ...waitsForRoom, lacks: "turn" }, true],
    ["would not fit if no session ran", { ...waitsForRoom, claim: null }, false],
  ])("a demand that %s", (_, evaluation, helps) => {
    expect(mayHelp(demand(two, evaluation), [])).toBe(helps);
    expect(mayHelp(demand(two, evaluation), [busy(0)])).toBe(helps);
  });
});

describe("nodes that are set up in another way", () => {
  const large = { resources: { cpu: 3 } };
  test.each<[string, object, NodeSnapshot[], boolean]>([
    ["could hold it when empty, full as it is", large, [busy(4)], true],
    ["could hold it when empty, cordoned as it is", large, [busy(0, { schedulable: false })], true],
    ["is too small", large, [busy(0, { capacity: { cpu: 2, memory: 1, gpu: 0 } })], false],
    ["was large enough before", large, [busy(0, { capacity: { cpu: 2, memory: 1, gpu: 0 } }), busy(0)], true],
    ["has not the labels", { ...large, placement: { labels: { zone: "a" } } }, [busy(0)], false],
  ])("a node that %s", (_, request, changed, concerned) => {
    expect(concerns(demand(request), changed)).toBe(concerned);
  });

  test("concern every demand that claims nothing", () => {
    expect(concerns(demand(large, null), [])).toBe(true);
    expect(concerns(demand(large, { ...waitsForRoom, claim: null }), [])).toBe(true);
  });
});
