import { describe, expect, test } from "vitest";
import { NOTHING_ALLOWED } from "../request/allowed.ts";
import type { SessionRequest } from "../request/request-schemas.ts";
import { fleet, GiB, hosts, node, specOf } from "../testing/fixtures.ts";
import type { NodeSnapshot, Snapshot } from "./plan.ts";
import { plan } from "./planner.ts";

type Request = Partial<Record<keyof SessionRequest, unknown>>;

function planned(request: Request, snapshot: Snapshot) {
  const planning = plan(specOf(request), snapshot);
  if (!planning.plan) throw new Error(JSON.stringify(planning.refusal));
  return planning.plan;
}

function refused(request: Request, snapshot: Snapshot) {
  const planning = plan(specOf(request), snapshot);
  if (!planning.refusal) throw new Error("was planned");
  const { reason, never, lacks } = planning.refusal;
  return { reason, never, lacks, nodes: planning.refusal.nodes() };
}

/** `{host1: ["main1", "sub1"], …}` */
function layout(request: Request, snapshot: Snapshot): Record<string, string[]> {
  const { nodes, containers } = planned(request, snapshot);
  return Object.fromEntries(
    nodes.map(({ id, name }) => [name, containers.filter((c) => c.nodeId === id).map((c) => c.host)]),
  );
}

const multi = { clusterMode: "multi-node" };
const used = (cpu: number, over: Partial<NodeSnapshot["allocated"]> = {}): Partial<NodeSnapshot> => ({
  allocated: { cpu, memory: 0, gpuIds: [], containers: 1, ...over },
});

describe("single-node", () => {
  test("all containers share the emptiest node, on a bridge with the node's own MTU", () => {
    const snapshot = fleet([node(1, used(2)), node(2, { ...used(1), mtu: 9000 }), node(3, used(3))]);
    const { network, nodes, containers } = planned({ clusterSize: 3 }, snapshot);
    expect(new Set(containers.map((c) => c.nodeId))).toEqual(new Set(["node_2"]));
    expect(network).toEqual({
      driver: "bridge",
      subnet: "10.64.0.0/24",
      mtu: 9000,
      encryption: "none",
      port: 14789,
    });
    expect(nodes).toEqual([{ id: "node_2", name: "host2", vtep: "192.0.2.2", gateway: "10.64.0.254" }]);
    expect(containers.map((c) => c.address)).toEqual(["10.64.0.2", "10.64.0.3", "10.64.0.4"]);
  });

  test("equally empty: by number of containers, then name, then id", () => {
    const busy = node(1, used(0));
    const twins = [node(6), node(5)].map((each) => ({ ...each, name: "host2" }));
    expect(planned({}, fleet([busy, ...twins, node(3)])).nodes[0]!.id).toBe("node_5");
  });

  test("a node has to fit the sum", () => {
    const request = { clusterSize: 3, resources: { cpu: 1, memory: "2GiB" } };
    const large = node(2, { ...used(5), capacity: { cpu: 8, memory: 8 * GiB, gpu: 0 } });
    expect(layout(request, fleet([node(1, used(1.5)), large]))).toEqual({ host2: ["main1", "sub1", "sub2"] });
    const { never, reason, nodes } = refused(request, fleet([node(1, used(1.5)), node(2, used(2))]));
    expect(never).toBe(false);
    expect(reason).toBe("needs 3 cores on one node; the most that a usable node has is 2.5 free");
    expect(nodes).toEqual([
      { node: "host1", reason: "needs 3 cores, 2.5 of 4 free" },
      { node: "host2", reason: "needs 3 cores, 2 of 4 free" },
    ]);
  });

  test("fractions of a core add up exactly", () => {
    const small = node(1, { capacity: { cpu: 0.3, memory: 0, gpu: 0 } });
    const roles = [
      { name: "main", replicas: 1, resources: { cpu: 0.1 } },
      { name: "sub", replicas: 1, resources: { cpu: 0.2 } },
    ];
    expect(layout({ roles }, fleet([small]))).toEqual({ host1: ["main1", "sub1"] });
    const thrice = node(1, { ...used(1.1 + 1.1 + 1.1), capacity: { cpu: 4.4, memory: 0, gpu: 0 } });
    expect(layout({ resources: { cpu: 1.1 } }, fleet([thrice]))).toEqual({ host1: ["main1"] });
  });
});

describe("multi-node spread", () => {
  test("size 4 on 3 hosts uses all three, consecutive ranks side by side", () => {
    expect(layout({ ...multi, clusterSize: 4 }, fleet(hosts(3)))).toEqual({
      host1: ["main1", "sub1"],
      host2: ["sub2"],
      host3: ["sub3"],
    });
  });

  test("8 containers on 4 hosts: two each", () => {
    expect(layout({ ...multi, clusterSize: 8 }, fleet(hosts(4)))).toEqual({
      host1: ["main1", "sub1"],
      host2: ["sub2", "sub3"],
      host3: ["sub4", "sub5"],
      host4: ["sub6", "sub7"],
    });
  });

  test("size 1 is an overlay too", () => {
    const { network } = planned(multi, fleet(hosts(2)));
    expect(network).toEqual({
      driver: "overlay",
      subnet: "10.64.0.0/24",
      mtu: 1450,
      vni: 0x800000,
      encryption: "none",
      port: 14789,
    });
  });

  test("the smallest MTU of the chosen nodes counts, less the overlay's overhead", () => {
    const snapshot = fleet([node(1), node(2, { mtu: 1400 }), node(3, { mtu: 576, schedulable: false })]);
    expect(planned({ ...multi, clusterSize: 2 }, snapshot).network.mtu).toBe(1350);
  });

  test("uneven only as far as capacity makes it so", () => {
    const snapshot = fleet([node(1, used(3)), node(2), node(3)]);
    expect(layout({ ...multi, clusterSize: 7, resources: { cpu: 1 } }, snapshot)).toEqual({
      host2: ["main1", "sub1", "sub2"],
      host3: ["sub3", "sub4", "sub5"],
      host1: ["sub6"],
    });
  });

  test("the most demanding container gets its node first", () => {
    const roles = [
      { name: "main", replicas: 1, resources: { cpu: 1 } },
      { name: "big", replicas: 1, resources: { cpu: 4 } },
      { name: "mid", replicas: 1, resources: { cpu: 3 } },
    ];
    expect(layout({ ...multi, roles }, fleet(hosts(2)))).toEqual({
      host2: ["main1", "mid1"],
      host1: ["big1"],
    });
  });

  test("packs where spreading would find no room", () => {
    const roles = [
      { name: "main", replicas: 1, resources: { cpu: 3 } },
      { name: "big", replicas: 1, resources: { cpu: 3 } },
      { name: "small", replicas: 3, resources: { cpu: 2 } },
    ];
    const snapshot = fleet(hosts(2, { capacity: { cpu: 6, memory: 0, gpu: 0 } }));
    expect(layout({ ...multi, roles }, snapshot)).toEqual({
      host1: ["main1", "big1"],
      host2: ["small1", "small2", "small3"],
    });
  });

  test("a node that can hold none of the containers changes nothing, however large it is", () => {
    const capacities = [
      [8, 12],
      [7, 6],
      [9, 14],
      [7, 2],
    ] as const;
    const nodes = capacities.map(([cpu, gib], i) =>
      node(i, { capacity: { cpu, memory: gib * GiB, gpu: 0 } }),
    );
    const large = node(9, { capacity: { cpu: 200, memory: 0.5 * GiB, gpu: 0 } });
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
    // Weighed by all that is free, cores would look plentiful, and the first tries would all fail.
    expect(planned({ ...multi, roles }, fleet([...nodes, large]))).toEqual(
      planned({ ...multi, roles }, fleet(nodes)),
    );
  });

  test("a node left out by its labels stays out", () => {
    const snapshot = fleet([node(1), node(2, { labels: { zone: "a" } }), node(3, { labels: { zone: "b" } })]);
    const request = { ...multi, clusterSize: 2, placement: { labels: { zone: "a" } } };
    expect(layout(request, snapshot)).toEqual({ host2: ["main1", "sub1"] });
  });
});

describe("multi-node pack", () => {
  const pack = { ...multi, placement: { strategy: "pack" } };

  test("one node where one will do: the fullest, so that empty ones stay whole", () => {
    const request = { ...pack, clusterSize: 2, resources: { cpu: 1 } };
    expect(layout(request, fleet([node(1), node(2, used(2)), node(3, used(3.5))]))).toEqual({
      host2: ["main1", "sub1"],
    });
  });

  test("as few as will do, the roomiest first", () => {
    const request = { ...pack, clusterSize: 6, resources: { cpu: 1 } };
    const large = node(3, { capacity: { cpu: 5, memory: GiB, gpu: 0 } });
    expect(layout(request, fleet([node(1), node(2), large]))).toEqual({
      host3: ["main1", "sub1", "sub2", "sub3", "sub4"],
      host1: ["sub5"],
    });
  });
});

describe("GPUs", () => {
  test("by id, the first that are free, in rank order", () => {
    const snapshot = fleet([
      node(1, {
        gpuIds: ["a", "b", "c"],
        capacity: { cpu: 4, memory: GiB, gpu: 3 },
        ...used(0, { gpuIds: ["b"] }),
      }),
    ]);
    const { containers } = planned({ ...multi, clusterSize: 2, resources: { gpu: 1 } }, snapshot);
    expect(containers.map((c) => c.gpuIds)).toEqual([["a"], ["c"]]);
  });

  test("capacity says how many of the ids may be used", () => {
    const snapshot = fleet([node(1, { capacity: { cpu: 4, memory: GiB, gpu: 1 } })]);
    expect(planned({ resources: { gpu: 1 } }, snapshot).containers[0]!.gpuIds).toEqual(["gpu-0"]);
    expect(refused({ resources: { gpu: 2 } }, snapshot).nodes[0]!.reason).toBe("needs 2 gpus, 1 of 1 free");
  });
});

describe("addresses", () => {
  test("the first block that neither a session nor a chosen node uses", () => {
    const snapshot = fleet(
      [
        node(1, { usedSubnets: ["10.64.2.0/23", "fd00::/8", "0.0.0.0/0", "nonsense"] }),
        node(2, { usedSubnets: ["10.64.5.17"] }),
        node(3, { schedulable: false, usedSubnets: ["10.64.0.0/12"] }),
      ],
      { subnets: ["10.64.0.0/23", "10.64.4.0/24"], vnis: [0x800000, 0x800001, 0x800003] },
    );
    const { network } = planned({ ...multi, clusterSize: 2 }, snapshot);
    expect(network.subnet).toBe("10.64.6.0/24");
    expect(network.vni).toBe(0x800002);
  });

  test.each([
    [250, "10.64.0.0/24"],
    [251, "10.64.2.0/23"],
    [1024, "10.64.8.0/21"],
  ])("%d containers on 3 nodes take %s", (clusterSize, subnet) => {
    const snapshot = fleet(hosts(3), { subnets: clusterSize > 250 ? ["10.64.0.0/32"] : [] });
    const { network, nodes, containers } = planned({ ...multi, clusterSize }, snapshot);
    expect(network.subnet).toBe(subnet);
    expect(containers).toHaveLength(clusterSize);
    const all = [...containers.map((c) => c.address), ...nodes.map((n) => n.gateway)];
    expect(new Set(all).size).toBe(clusterSize + 3);
  });

  test("gateways come from the top down, in the order of ranks", () => {
    const { nodes } = planned({ ...multi, clusterSize: 3 }, fleet(hosts(3)));
    expect(nodes.map((n) => n.gateway)).toEqual(["10.64.0.254", "10.64.0.253", "10.64.0.252"]);
  });

  test("a node's gateway is the first of its containers with hostNetwork", () => {
    const roles = [
      { name: "main", replicas: 1 },
      { name: "wide", replicas: 4, hostNetwork: true },
    ];
    const body = { ...multi, placement: { strategy: "spread" as const }, clusterSize: undefined, roles };
    const { nodes, containers } = planned(
      body,
      fleet(hosts(3, { allows: { ...NOTHING_ALLOWED, hostNetwork: true } })),
    );
    const first = nodes.map(
      ({ id }) => containers.find(({ nodeId, role }) => nodeId === id && role === "wide")!.address,
    );
    expect(nodes.map(({ gateway }) => gateway)).toEqual(first);
  });

  test("a node whose own routes cover the pool is passed over", () => {
    const snapshot = fleet([node(1, { usedSubnets: ["10.0.0.0/8"] }), node(2)]);
    expect(layout({ ...multi, clusterSize: 2 }, snapshot)).toEqual({ host2: ["main1", "sub1"] });
    expect(layout({}, snapshot)).toEqual({ host2: ["main1"] });
  });

  test("VNIs that other VXLAN devices use on a chosen node are passed over, on the same UDP port", () => {
    const vnis = (port: number, ...vnis: number[]) => vnis.map((vni) => ({ vni: 0x800000 + vni, port }));
    const snapshot = fleet(
      [
        node(1, { usedVnis: vnis(14789, 0, 2) }),
        node(2, { usedVnis: [...vnis(14789, 3), ...vnis(4789, 4)] }),
        node(3, { usedVnis: vnis(14789, 4), schedulable: false }),
      ],
      { vnis: [0x800001] },
    );
    expect(planned({ ...multi, clusterSize: 2 }, snapshot).network.vni).toBe(0x800004);
  });

  test("a node on which other devices use every VNI is passed over", () => {
    const usedVnis = [0, 1].map((vni) => ({ vni: 0x800000 + vni, port: 14789 }));
    const snapshot = fleet([node(1, { usedVnis }), node(2)], {}, { vniCount: 2 });
    expect(layout({ ...multi, clusterSize: 2 }, snapshot)).toEqual({ host2: ["main1", "sub1"] });
    const { reason, lacks, nodes } = refused(multi, fleet([node(1, { usedVnis })], {}, { vniCount: 2 }));
    expect([reason, lacks]).toEqual(["no VNI is free", "network"]);
    expect(nodes[0]!.reason).toBe("its own VXLAN devices use every VNI of the range");
  });

  test("no block left is a refusal that says so", () => {
    const snapshot = fleet([node(1, { usedSubnets: ["10.0.0.0/8"] }), node(2), node(3, { status: "lost" })], {
      subnets: ["10.64.0.0/12"],
    });
    expect(refused({}, snapshot)).toEqual({
      never: false,
      lacks: "network",
      reason: "no /24 of the address pool 10.64.0.0/12 is free",
      nodes: [
        { node: "host1", reason: "its own routes and networks cover the address pool 10.64.0.0/12" },
        { node: "host2", reason: "no /24 of the address pool 10.64.0.0/12 is free" },
        { node: "host3", reason: "lost" },
      ],
    });
  });
});

test("1,024 containers over 10,000 nodes are planned in milliseconds", () => {
  const busy = Array.from({ length: 10 }, (_, i) => i);
  const nodes = Array.from({ length: 10_000 }, (_, i) =>
    node(i, { usedSubnets: busy.map((k) => `10.${68 + (i % 4)}.${(i + 16 * k) % 256}.0/24`) }),
  );
  const snapshot = fleet(nodes, {
    subnets: Array.from({ length: 1000 }, (_, i) => `10.${64 + (i >> 8)}.${i % 256}.0/24`),
    vnis: Array.from({ length: 1000 }, (_, i) => 0x800000 + i),
  });
  for (const strategy of ["spread", "pack"]) {
    const spec = specOf({
      image: "a",
      ...multi,
      clusterSize: 1024,
      resources: { cpu: 1 },
      placement: { strategy },
    });
    const start = performance.now();
    const planning = plan(spec, snapshot);
    // 15 to 30 ms on a small machine; the bound only catches another order of growth.
    expect(performance.now() - start).toBeLessThan(1000);
    expect(planning.plan?.nodes).toHaveLength(strategy === "spread" ? 1024 : 256);
  }
});
