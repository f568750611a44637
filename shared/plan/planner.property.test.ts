import fc from "fast-check";
import { expect, test } from "vitest";
import { type AddressSpace, spaceOf } from "../network/address-space.ts";
import { cidrsOverlap, parseAddress, parseCidr } from "../network/ipv4.ts";
import type { SessionSpec } from "../request/spec.ts";
import { DEFAULT_SETTINGS, settingsOf } from "../settings/settings.ts";
import { fleet, GiB, node, SPACE, specOf } from "../testing/fixtures.ts";
import type { NodeSnapshot, Plan, Snapshot } from "./plan.ts";
import { plan } from "./planner.ts";

const gpuIds = ["g0", "g1", "g2", "g3"];
const cidr = fc
  .tuple(fc.integer({ min: 60, max: 80 }), fc.nat(255), fc.integer({ min: 15, max: 32 }))
  .map(([b, c, prefix]) => (c === 7 ? "10.0.0.0/8" : `10.${b}.${c}.0/${prefix}`));

const arbitraryNode: fc.Arbitrary<Partial<NodeSnapshot>> = fc.record({
  status: fc.constantFrom("ready", "ready", "ready", "ready", "disconnected", "lost"),
  schedulable: fc.integer({ min: 0, max: 9 }).map((dice) => dice > 0),
  labels: fc.constantFrom({}, { zone: "a" }, { zone: "b" }),
  capacity: fc.record({
    cpu: fc.integer({ min: 20, max: 320 }).map((tenths) => tenths / 10),
    memory: fc.integer({ min: 4, max: 64 }).map((gib) => gib * GiB),
    gpu: fc.nat(5),
  }),
  allocated: fc.record({
    cpu: fc.nat(40).map((tenths) => tenths / 10),
    memory: fc.nat(4).map((gib) => gib * GiB),
    gpuIds: fc.subarray(gpuIds),
    containers: fc.nat(5),
  }),
  gpuIds: fc.subarray(gpuIds),
  usedSubnets: fc.array(cidr, { maxLength: 6 }),
  usedVnis: fc.array(
    fc.record({ vni: fc.integer({ min: 0x800000, max: 0x800004 }), port: fc.constantFrom(14789, 4789) }),
    { maxLength: 4 },
  ),
  mtu: fc.constantFrom(1500, 1400, 9000),
  allows: fc.record({
    mounts: fc.constantFrom(
      [],
      [{ source: "/data", readOnly: true }],
      [{ source: "/data", readOnly: false }],
    ),
    devices: fc.subarray(["/dev/fuse", "/dev/kvm"]),
    privileged: fc.constantFrom(true, true, false),
    hostNetwork: fc.boolean(),
  }),
});

/** Where planning cuts networks from, and where it starts to look. */
const arbitrarySpace: fc.Arbitrary<AddressSpace> = fc
  .record({
    settings: fc.constantFrom(
      {},
      { addressPool: "10.64.0.0/19" },
      { vxlanPort: 4789 },
      { vniBase: 0x7fffff, vniCount: 9 },
    ),
    fleetId: fc.constantFrom("flt_a", "flt_b", "flt_c"),
  })
  .map(({ settings, fleetId }) => spaceOf(settingsOf(settings), fleetId));

const arbitrarySnapshot: fc.Arbitrary<Snapshot> = fc
  .tuple(
    fc.array(arbitraryNode, { minLength: 1, maxLength: 12 }),
    fc.array(cidr, { maxLength: 8 }),
    fc.array(fc.integer({ min: 0x800000, max: 0x800008 }), { maxLength: 8 }),
    fc.oneof(fc.constant(SPACE), arbitrarySpace),
  )
  .map(([nodes, subnets, vnis, space]) =>
    fleet(
      nodes.map((over, i) => node(i + 1, over)),
      { subnets, vnis },
      space,
    ),
  );

const resources = fc.record(
  {
    cpu: fc.integer({ min: 1, max: 40 }).map((tenths) => tenths / 10),
    memory: fc.integer({ min: 1, max: 4 }).map((gib) => gib * GiB),
    gpu: fc.constantFrom(0, 0, 1, 2),
  },
  { requiredKeys: [] },
);

const mount = (readOnly: boolean) => ({ mounts: [{ source: "/data", target: "/d", readOnly }] });
const reach = fc.constantFrom(
  ...Array<object>(8).fill({}),
  ...[mount(true), mount(false), { devices: ["/dev/fuse"] }, { privileged: true }, { hostNetwork: true }],
);

const arbitrarySpec: fc.Arbitrary<SessionSpec> = fc
  .record({
    clusterMode: fc.constantFrom("single-node", "multi-node"),
    strategy: fc.constantFrom("spread", "pack"),
    labels: fc.constantFrom({}, {}, {}, { zone: "a" }),
    roles: fc.array(fc.record({ replicas: fc.integer({ min: 1, max: 5 }), resources, reach }), {
      minLength: 1,
      maxLength: 4,
    }),
  })
  .map(({ clusterMode, strategy, labels, roles }) =>
    specOf({
      image: "debian:12",
      clusterMode,
      placement: { strategy, labels },
      roles: roles.map(({ reach, ...role }, i) => ({
        ...role,
        ...reach,
        name: ["main", "worker", "ps", "eval"][i],
      })),
    }),
  );

const input = fc.tuple(arbitrarySpec, arbitrarySnapshot);

/** Runs `check` on each plan; some of the inputs have to give one, or nothing was tested. */
function forEachPlan(check: (plan: Plan, spec: SessionSpec, snapshot: Snapshot) => void): void {
  let plans = 0;
  fc.assert(
    fc.property(input, ([spec, snapshot]) => {
      const planning = plan(spec, snapshot);
      if (!planning.plan) return;
      plans++;
      check(planning.plan, spec, snapshot);
    }),
    { numRuns: 500 },
  );
  expect(plans).toBeGreaterThan(50);
}

test("all replicas are there, in rank order", () => {
  forEachPlan(({ containers }, spec) => {
    const hosts = spec.roles.flatMap(({ name, replicas }) =>
      Array.from({ length: replicas }, (_, i) => `${name}${i + 1}`),
    );
    expect(containers.map((c) => c.host)).toEqual(hosts);
    expect(containers.map((c) => c.rank)).toEqual(hosts.map((_, rank) => rank));
    expect(hosts[0]).toBe("main1");
  });
});

test("only usable nodes are used, never past their capacity, and no GPU twice", () => {
  forEachPlan((planned, spec, { nodes }) => {
    const role = new Map(spec.roles.map((each) => [each.name, each.resources]));
    for (const { id } of planned.nodes) {
      const on = nodes.find((each) => each.id === id)!;
      const mine = planned.containers.filter((c) => c.nodeId === id);
      const sum = (key: "cpu" | "memory") =>
        mine.reduce((total, c) => total + (role.get(c.role)![key] ?? 0), 0);
      expect(mine.length).toBeGreaterThan(0);
      expect([on.status, on.schedulable]).toEqual(["ready", true]);
      expect(on.labels).toMatchObject(spec.placement.labels);
      expect(spec.roles.filter((each) => each.privileged && !on.allows.privileged)).toEqual([]);
      expect(spec.roles.filter((each) => each.hostNetwork && !on.allows.hostNetwork)).toEqual([]);
      expect(
        spec.roles.flatMap(({ devices = [] }) => devices).filter((path) => !on.allows.devices.includes(path)),
      ).toEqual([]);
      for (const { readOnly } of spec.roles.flatMap(({ mounts = [] }) => mounts))
        expect(on.allows.mounts.some((each) => readOnly || !each.readOnly)).toBe(true);
      for (const key of ["cpu", "memory"] as const) {
        if (sum(key) > 0) expect(sum(key) + on.allocated[key]).toBeLessThanOrEqual(on.capacity[key] + 1e-6);
      }
      const given = mine.flatMap((c) => c.gpuIds);
      expect(new Set(given).size).toBe(given.length);
      for (const id of given) {
        expect(on.gpuIds).toContain(id);
        expect(on.allocated.gpuIds).not.toContain(id);
      }
      const inUse = on.gpuIds.filter((id) => on.allocated.gpuIds.includes(id)).length;
      if (given.length > 0) expect(given.length + inUse).toBeLessThanOrEqual(on.capacity.gpu);
    }
    for (const c of planned.containers) expect(c.gpuIds).toHaveLength(role.get(c.role)!.gpu ?? 0);
  });
});

test("addresses are unique, inside a subnet that nothing else uses, and so is the VNI", () => {
  forEachPlan(({ network, nodes, containers }, spec, snapshot) => {
    const { first, last } = parseCidr(network.subnet)!;
    const wide = new Set(spec.roles.filter((role) => role.hostNetwork).map(({ name }) => name));
    const isContainer = (id: string) => containers.some((c) => c.nodeId === id && wide.has(c.role));
    const own = nodes.filter(({ id }) => !isContainer(id)).map(({ gateway }) => gateway);
    const all = [...containers.map((c) => c.address), ...own].map((a) => parseAddress(a)!);
    expect(new Set(nodes.map(({ gateway }) => gateway)).size).toBe(nodes.length);
    expect(new Set(all).size).toBe(all.length);
    for (const address of all) {
      expect(address).toBeGreaterThan(first + 1);
      expect(address).toBeLessThan(last);
    }
    const chosen = snapshot.nodes.filter((n) => nodes.some(({ id }) => id === n.id));
    const used = chosen.flatMap((n) => n.usedSubnets);
    for (const other of [...used, ...snapshot.reserved.subnets]) {
      expect([other, cidrsOverlap(other, network.subnet)]).toEqual([other, false]);
    }
    const { addressPool, vniBase, vniCount, vxlanPort } = snapshot.space;
    expect(cidrsOverlap(network.subnet, addressPool)).toBe(true);
    expect(network.port).toBe(vxlanPort);
    if (spec.clusterMode === "multi-node") {
      expect(snapshot.reserved.vnis).not.toContain(network.vni);
      expect(chosen.flatMap((n) => n.usedVnis)).not.toContainEqual({ vni: network.vni, port: vxlanPort });
      expect(network.vni).toBeGreaterThanOrEqual(vniBase);
      expect(network.vni).toBeLessThan(vniBase + vniCount);
    } else expect(network.vni).toBeUndefined();
  });
});

/** All that planning answers, the reasons of a refusal included. */
function answer(spec: SessionSpec, snapshot: Snapshot): string {
  const planning = plan(spec, snapshot);
  return JSON.stringify(planning.plan ?? { ...planning.refusal, nodes: planning.refusal.nodes() });
}

test("the same spec and snapshot give the same answer byte by byte, in whatever order the nodes are listed", () => {
  const shuffled = input.chain(([spec, snapshot]) =>
    fc
      .shuffledSubarray(snapshot.nodes, { minLength: snapshot.nodes.length })
      .map((nodes) => ({ spec, snapshot, other: { ...snapshot, nodes } })),
  );
  fc.assert(
    fc.property(shuffled, ({ spec, snapshot, other }) => {
      expect(answer(structuredClone(spec), structuredClone(other))).toBe(answer(spec, snapshot));
    }),
    { numRuns: 300 },
  );
});

test("what is planned with other settings in between changes nothing", () => {
  let differed = 0;
  fc.assert(
    fc.property(input, arbitrarySpace, ([spec, snapshot], space) => {
      const other = { ...snapshot, space };
      const [before, between] = [answer(spec, snapshot), answer(spec, other)];
      expect([answer(spec, snapshot), answer(spec, other)]).toEqual([before, between]);
      if (before !== between) differed++;
    }),
    { numRuns: 300 },
  );
  expect(differed).toBeGreaterThan(20);
});

test("a plan's subnet and VNI are those of the origin of its own fleet", () => {
  fc.assert(
    fc.property(input, ([spec, snapshot]) => {
      const nodes = snapshot.nodes.map((each) => ({ ...each, usedSubnets: [], usedVnis: [] }));
      const networks = ["flt_a", "flt_b"].map(
        (id) => plan(spec, fleet(nodes, {}, spaceOf(DEFAULT_SETTINGS, id))).plan?.network,
      );
      if (!networks[0]) return;
      expect(networks[1]!.subnet).not.toBe(networks[0].subnet);
      if (networks[0].vni) expect(networks[1]!.vni).not.toBe(networks[0].vni);
    }),
  );
});

test("planning changes neither spec nor snapshot", () => {
  fc.assert(
    fc.property(input, ([spec, snapshot]) => {
      const before = JSON.stringify([spec, snapshot]);
      answer(spec, snapshot);
      expect(JSON.stringify([spec, snapshot])).toBe(before);
    }),
  );
});

test("a refusal gives a reason for the whole and for each node", () => {
  let refusals = 0;
  fc.assert(
    fc.property(input, ([spec, snapshot]) => {
      const { refusal } = plan(spec, snapshot);
      if (!refusal) return;
      refusals++;
      expect(refusal.reason).toMatch(/\w/);
      expect(refusal.reason).not.toMatch(/undefined|NaN|Infinity|; $/);
      const reasons = refusal.nodes();
      expect(reasons.map((each) => each.node)).toEqual(snapshot.nodes.map((each) => each.name).sort());
      for (const { reason } of reasons) {
        expect(reason).toMatch(/\w$/);
        expect(reason).not.toMatch(/undefined|NaN|Infinity/);
      }
    }),
    { numRuns: 500 },
  );
  expect(refusals).toBeGreaterThan(50);
});

test("never means: not even on the same fleet when all of it is empty and usable", () => {
  fc.assert(
    fc.property(input, ([spec, snapshot]) => {
      const { refusal } = plan(spec, snapshot);
      const emptied = snapshot.nodes.map((each) => ({
        ...each,
        status: "ready" as const,
        schedulable: true,
        usedSubnets: [],
        usedVnis: [],
        allocated: { cpu: 0, memory: 0, gpuIds: [], containers: 0 },
      }));
      const planning = plan(spec, fleet(emptied));
      if (refusal) expect(planning.refusal !== undefined).toBe(refusal.never);
    }),
    { numRuns: 500 },
  );
});

test("spread differs by at most one where there is room for all everywhere", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat(3),
      (size, count, busy) => {
        const nodes = Array.from({ length: count }, (_, i) =>
          node(i, {
            capacity: { cpu: 100, memory: GiB, gpu: 0 },
            allocated: { cpu: i % (busy + 1), memory: 0, gpuIds: [], containers: i % 2 },
          }),
        );
        const roles = [
          { name: "main", replicas: 1, resources: { cpu: 2 } },
          { name: "worker", replicas: size, resources: { cpu: 1 } },
        ];
        const spec = specOf({ image: "a", clusterMode: "multi-node", roles });
        const { containers } = plan(spec, fleet(nodes)).plan!;
        const counts = nodes.map(({ id }) => containers.filter((c) => c.nodeId === id).length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      },
    ),
  );
});
