import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Plan } from "../plan/plan.ts";
import { plan } from "../plan/planner.ts";
import { readSpec } from "../request/spec.ts";
import { fleet, GiB, hosts } from "../testing/fixtures.ts";
import { assignmentsOf, proofsOf } from "./assignments.ts";
import { Assignment } from "./protocol.ts";

/** A plan that puts `layout[i]` containers on node i. */
function planOf(layout: number[]): Plan {
  const containers = layout.flatMap((count, at) => Array.from({ length: count }, () => `node_${at}`));
  return {
    network: { driver: "overlay", subnet: "10.64.0.0/16", mtu: 1450, vni: 0x800000, encryption: "none" },
    nodes: layout.map((_, at) => ({
      id: `node_${at}`,
      name: `host${at}`,
      vtep: "192.0.2.1",
      gateway: "10.64.255.254",
    })),
    containers: containers.map((nodeId, rank) => ({
      host: rank === 0 ? "main1" : `sub${rank}`,
      role: rank === 0 ? "main" : "sub",
      index: Math.max(1, rank),
      rank,
      nodeId,
      address: `10.64.${(rank + 2) >> 8}.${(rank + 2) & 255}`,
      gpuIds: [],
    })),
  };
}

const layouts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });

describe("proofs", () => {
  test("every container is reached, from another node where there is one, by a container of the proving node", () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const { containers } = planOf(layout);
        const nodeOf = new Map(containers.map((c) => [c.host, c.nodeId]));
        const reached = new Set<string>();
        for (const [id, proofs] of proofsOf(planOf(layout))) {
          for (const { from, to } of proofs) {
            expect(nodeOf.get(from)).toBe(id);
            expect(new Set(to).size).toBe(to.length);
            for (const host of to) {
              reached.add(host);
              if (layout.length > 1) expect(nodeOf.get(host)).not.toBe(id);
            }
          }
        }
        expect([...reached].sort()).toEqual(containers.map((c) => c.host).sort());
      }),
    );
  });

  test("every pair of nodes is crossed, with few proofs more than containers or pairs", () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const planned = planOf(layout);
        const nodeOf = new Map(planned.containers.map((c) => [c.host, c.nodeId]));
        const crossed = new Set<string>();
        let count = 0;
        for (const [id, proofs] of proofsOf(planned)) {
          for (const host of proofs.flatMap((proof) => proof.to)) {
            crossed.add([id, nodeOf.get(host)!].sort().join());
            count++;
          }
        }
        const pairs = (layout.length * (layout.length - 1)) / 2;
        if (layout.length > 1) expect(crossed.size).toBe(pairs);
        expect(count).toBeLessThanOrEqual(planned.containers.length + pairs);
      }),
    );
  });
});

describe("assignments", () => {
  const session = { id: "ses_1", name: "train", epoch: 2 };
  const spec = readSpec({
    image: "a",
    clusterMode: "multi-node",
    command: ["run"],
    env: { A: "1" },
    network: { egress: false },
    roles: [
      { name: "main", replicas: 1 },
      {
        name: "worker",
        replicas: 3,
        image: "b",
        user: "1000",
        onExit: "restart",
        maxRestarts: 7,
        resources: { cpu: 1, memory: GiB, shm: 64, gpu: 1 },
      },
    ],
  });
  const { plan: planned } = plan(spec, fleet(hosts(2)));
  const assignments = assignmentsOf(spec, planned!, session);

  test("each node of the plan gets one, as the protocol has it", () => {
    expect([...assignments.keys()]).toEqual(planned!.nodes.map((node) => node.id));
    for (const assignment of assignments.values()) expect(Assignment.parse(assignment)).toEqual(assignment);
  });

  test("each container is told to one node only, with its own image, limits and GPUs", () => {
    const told = [...assignments.values()].flatMap((each) => each.containers).sort((a, b) => a.rank - b.rank);
    expect(told.map((c) => c.host)).toEqual(["main1", "worker1", "worker2", "worker3"]);
    expect(told[0]).toEqual({
      host: "main1",
      role: "main",
      rank: 0,
      address: "10.64.0.2",
      image: "a",
      command: ["run"],
      env: expect.objectContaining({ A: "1", BACKENDAI_CLUSTER_LOCAL_RANK: "0", SKEIN_SESSION_ID: "ses_1" }),
      resources: { gpuIds: [] },
    });
    expect(told[1]).toMatchObject({
      image: "b",
      user: "1000",
      maxRestarts: 7,
      resources: { cpu: 1, memory: GiB, shm: 64, gpuIds: planned!.containers[1]!.gpuIds },
    });
  });

  test("each node knows all members, the other nodes, and its own addresses", () => {
    const [first, second] = planned!.nodes;
    const { network, members, epoch, name } = assignments.get(first!.id)!;
    expect({ epoch, name }).toEqual({ epoch: 2, name: "train" });
    expect(members).toEqual(
      planned!.containers.map(({ host, address, nodeId }) => ({ host, address, nodeId })),
    );
    expect(network).toEqual({
      driver: "overlay",
      subnet: "10.64.0.0/24",
      gateway: first!.gateway,
      vtep: first!.vtep,
      mtu: 1450,
      vni: 0x800000,
      port: 14789,
      egress: false,
      peers: [{ nodeId: second!.id, vtep: second!.vtep, gateway: second!.gateway }],
    });
  });
});
