import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { familiesOf, filesOf } from "../frameworks/frameworks.ts";
import { environmentsOf, launcherVariablesOf } from "../plan/environment.ts";
import type { Plan } from "../plan/plan.ts";
import { plan } from "../plan/planner.ts";
import { DEFAULT_SETTINGS } from "../settings/settings.ts";
import { fleet, GiB, hosts, specOf } from "../testing/fixtures.ts";
import { assignmentOf, Layout, Part } from "./assignment.ts";
import { assignmentsOf, proofsOf } from "./assignments.ts";

/** A plan that puts `layout[i]` containers on node i. */
function planOf(layout: number[]): Plan {
  const containers = layout.flatMap((count, at) => Array.from({ length: count }, () => `node_${at}`));
  return {
    network: {
      driver: "overlay",
      subnet: "10.64.0.0/16",
      mtu: 1450,
      vni: 0x800000,
      encryption: "none",
      port: 14789,
    },
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
      limits: { shm: GiB },
    })),
  };
}

const layouts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });

describe("proofs", () => {
  const nodeOf = (planned: Plan) => new Map(planned.containers.map((c) => [c.host, c.nodeId]));

  test("every container gets one login, from another node if there is one", () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const planned = planOf(layout);
        const nodes = nodeOf(planned);
        const logins = proofsOf(planned).flatMap(({ ssh }, place) => ssh.map((host) => ({ place, host })));
        expect(logins.map(({ host }) => host).sort()).toEqual(planned.containers.map((c) => c.host).sort());
        for (const { place, host } of logins) {
          if (layout.length > 1) expect(nodes.get(host)).not.toBe(planned.nodes[place]!.id);
        }
      }),
    );
  });

  test("logins are spread evenly: no node makes more than its share to each other node, rounded up", () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        for (const [place, { ssh }] of proofsOf(planOf(layout)).entries()) {
          const others = layout.length > 1 ? layout.filter((_, at) => at !== place) : layout;
          const share = others.reduce(
            (sum, count) => sum + Math.ceil(count / Math.max(1, layout.length - 1)),
            0,
          );
          expect(ssh.length).toBeLessThanOrEqual(share);
        }
      }),
    );
  });

  test("every pair of nodes exchanges one packet, and each node sends about half of its own", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (count) => {
        const proofs = proofsOf(planOf(Array(count).fill(1)));
        const pairs = proofs.flatMap(({ ping }, place) => ping.map((to) => [place, to].sort().join()));
        expect(new Set(pairs).size).toBe(pairs.length);
        expect(pairs.length).toBe((count * (count - 1)) / 2);
        for (const { ping } of proofs) expect(ping.length).toBeLessThanOrEqual(Math.ceil(count / 2));
      }),
    );
  });
});

describe("assignments", () => {
  const session = { id: "ses_1", name: "train", epoch: 2 };
  const spec = specOf({
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
  const { layout, parts } = assignmentsOf(spec, planned!, session, DEFAULT_SETTINGS);
  const written = planned!.nodes.map(({ id }) =>
    assignmentOf(session.id, session.epoch, layout, parts.get(id)!),
  );

  test("each node of the plan gets a part, and all get one layout, as the protocol has them", () => {
    expect([...parts.keys()]).toEqual(planned!.nodes.map((node) => node.id));
    expect(Layout.parse(layout)).toEqual(layout);
    for (const part of parts.values()) expect(Part.parse(part)).toEqual(part);
  });

  test("each container is in one node's part only, with its own image, limits and GPUs", () => {
    const told = written.flatMap((each) => each.containers).sort((a, b) => a.rank - b.rank);
    expect(told.map((c) => c.host)).toEqual(["main1", "worker1", "worker2", "worker3"]);
    expect(told[0]).toEqual({
      host: "main1",
      role: "main",
      rank: 0,
      address: "10.64.0.2",
      image: "a",
      command: ["run"],
      env: expect.objectContaining({ A: "1", BACKENDAI_CLUSTER_LOCAL_RANK: "0", SKEIN_SESSION_ID: "ses_1" }),
      launchers: launcherVariablesOf(spec, planned!.network.subnet).get("main1"),
      files: filesOf(familiesOf()),
      resources: { shm: 4 * GiB, gpuIds: [] },
      ulimits: { memlock: "unlimited", nofile: 2 ** 20 },
    });
    expect(told[1]).toMatchObject({
      image: "b",
      user: "1000",
      maxRestarts: 7,
      resources: { cpu: 1, memory: GiB, shm: 64, gpuIds: planned!.containers[1]!.gpuIds },
    });
  });

  test("expanded, each container has the whole planned environment", () => {
    const environments = environmentsOf(spec, session);
    const variables = launcherVariablesOf(spec, planned!.network.subnet);
    for (const { host, env, launchers } of written.flatMap(({ containers }) => containers)) {
      expect(env).toEqual(environments.get(host));
      expect(launchers).toEqual(variables.get(host));
    }
  });

  test("expanded, each container has its role's secrets among its variables, and Skein's own win", () => {
    const secretEnv = { main: { T: "m", SKEIN_SESSION_ID: "x" }, worker: { T: "w" } };
    for (const part of parts.values()) {
      const { containers } = assignmentOf(session.id, session.epoch, layout, { ...part, secretEnv });
      for (const { role, env } of containers) {
        const expected = { T: role === "main" ? "m" : "w", A: "1", SKEIN_SESSION_ID: "ses_1" };
        expect(env).toMatchObject(expected);
      }
    }
  });

  test("a node has what files for launchers are made of, a few bytes for each role", () => {
    expect(layout.slots).toEqual([1, 1]);
    expect(written[0]!.listed).toEqual([
      { host: "main1", role: "main", slots: 1 },
      ...[1, 2, 3].map((index) => ({ host: `worker${index}`, role: "worker", slots: 1 })),
    ]);
    const texts = [...parts.values()].flatMap(({ containers }) =>
      containers.map(({ launchers }) => launchers),
    );
    for (const launchers of texts)
      expect(Object.keys(launchers).filter((name) => !/NODE_RANK|NUM_THREADS/.test(name))).toEqual([]);
  });

  test("each node knows all members, the other nodes, and its own addresses", () => {
    const [first, second] = planned!.nodes;
    const { network, members, epoch, name, place } = written[0]!;
    expect({ epoch, name, place }).toEqual({ epoch: 2, name: "train", place: 0 });
    expect(members).toEqual(
      planned!.containers.map(({ host, address, nodeId }) => ({
        host,
        address,
        place: nodeId === first!.id ? 0 : 1,
      })),
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
      peers: [{ place: 1, vtep: second!.vtep, gateway: second!.gateway }],
    });
  });

  test("a node gets the hosts that its first container must reach: the first container of each node that it sends a packet to", () => {
    const { proof } = written[0]!;
    const onSecond = planned!.containers.filter(({ nodeId }) => nodeId === planned!.nodes[1]!.id);
    expect(proof).toEqual({ ssh: onSecond.map(({ host }) => host), ping: [onSecond[0]!.host] });
    expect(written[1]!.proof.ping).toEqual([]);
  });

  test("a part whose place is not in the layout cannot be expanded", () => {
    const [part] = parts.values();
    expect(() => assignmentOf("ses_1", 1, layout, { ...part!, place: 2 })).toThrow(
      "place 2 is not among the 2 nodes",
    );
  });
});
