import fc from "fast-check";
import { expect, test } from "vitest";
import { withPlan } from "../plan/holdings.ts";
import type { NodeSnapshot, Plan, Snapshot } from "../plan/plan.ts";
import { plan } from "../plan/planner.ts";
import type { SessionSpec } from "../request/spec.ts";
import { fleet, hosts, specOf } from "../testing/fixtures.ts";
import { concerns, mayHelp } from "./changes.ts";
import type { Demand } from "./demand.ts";
import { queueRound, type Waiting } from "./queue.ts";

interface Queued extends Waiting {
  seq: number;
  spec: SessionSpec;
  priority: number;
}

const NO_NETWORKS = { subnets: [], vnis: [] };

/** A fleet and its queue over time, as the Fleet object keeps them. Times in ms. */
class World {
  now = 0;
  nodes: NodeSnapshot[];
  readonly patience: number;
  /** After each change at all demands, or only at those that it may help. */
  readonly looksAtAll: boolean;
  readonly demands: Demand[] = [];
  readonly waiting: Queued[] = [];
  readonly running: { id: string; spec: SessionSpec; plan: Plan; endsAt: number }[] = [];
  readonly begun = new Map<string, { at: number; order: number }>();
  readonly #texts: string[] = [];
  #seq = 0;

  constructor(nodes: NodeSnapshot[], patience: number, looksAtAll = false) {
    this.nodes = nodes;
    this.patience = patience;
    this.looksAtAll = looksAtAll;
  }

  get snapshot(): Snapshot {
    let snapshot = fleet(this.nodes);
    for (const { spec, plan: held } of this.running) snapshot = withPlan(snapshot, spec, held);
    return snapshot;
  }

  /** A round follows at once. `lasts`: how long the session runs once it has begun. */
  arrive(spec: SessionSpec, lasts: (id: string) => number, priority = 5): string {
    const text = JSON.stringify(spec);
    if (!this.#texts.includes(text)) {
      this.#texts.push(text);
      this.demands.push({ spec, avoid: NO_NETWORKS, evaluation: null, current: false });
    }
    const demand = this.#texts.indexOf(text);
    this.demands[demand]!.current = false;
    const seq = this.#seq++;
    const id = `ses_${seq}`;
    this.waiting.push({ id, demand, since: this.now, seq, spec, priority });
    this.look(lasts);
    return id;
  }

  endDue(): boolean {
    const due = this.running.filter(({ endsAt }) => endsAt <= this.now);
    for (const each of due) this.running.splice(this.running.indexOf(each), 1);
    const freed = new Set(due.flatMap(({ plan }) => plan.nodes.map(({ id }) => id)));
    const changed = this.snapshot.nodes.filter(({ id }) => freed.has(id));
    for (const demand of this.demands)
      if (this.looksAtAll || mayHelp(demand, changed)) demand.current = false;
    return due.length > 0;
  }

  changeFleet(nodes: NodeSnapshot[]): void {
    const before = this.snapshot.nodes;
    const differ = new Set(
      [...this.nodes, ...nodes]
        .filter((node) => !this.nodes.includes(node) || !nodes.includes(node))
        .map(({ id }) => id),
    );
    this.nodes = nodes;
    const changed = [...before, ...this.snapshot.nodes].filter(({ id }) => differ.has(id));
    for (const demand of this.demands) {
      if (this.looksAtAll || concerns(demand, changed))
        Object.assign(demand, { evaluation: null, current: false });
    }
  }

  look(lasts: (id: string) => number): void {
    this.waiting.sort((a, b) => b.priority - a.priority || a.seq - b.seq);
    const waitedFor = new Set(this.waiting.map(({ demand }) => demand));
    const untried = [...waitedFor].filter((demand) => !this.demands[demand]!.current).length;
    const round = queueRound(
      this.waiting,
      { of: (demand) => this.demands[demand]!, untried },
      { snapshot: this.snapshot, lingering: NO_NETWORKS },
      { now: this.now, patience: this.patience },
    );
    for (const { id, plan: held } of round.admitted) {
      const at = this.waiting.findIndex((each) => each.id === id);
      const [{ spec }] = this.waiting.splice(at, 1) as [Queued];
      this.running.push({ id, spec, plan: held, endsAt: this.now + lasts(id) });
      this.begun.set(id, { at: this.now, order: this.begun.size });
    }
    for (const [demand, evaluation] of round.evaluations)
      Object.assign(this.demands[demand]!, { evaluation, current: true });
    if (round.unfinished) this.look(lasts);
  }
}

const resources = fc.record(
  {
    cpu: fc.constantFrom(0.5, 1, 2, 3, 4),
    memory: fc.constantFrom("1GiB", "3GiB", "8GiB"),
    gpu: fc.constantFrom(1, 2),
  },
  { requiredKeys: ["cpu"] },
);

const arbitrarySpec: fc.Arbitrary<SessionSpec> = fc
  .record({
    clusterMode: fc.constantFrom("single-node", "multi-node"),
    labels: fc.constantFrom({}, {}, { zone: "a" }),
    strategy: fc.constantFrom("spread", "pack"),
    roles: fc.array(fc.record({ replicas: fc.integer({ min: 1, max: 4 }), resources }), {
      minLength: 1,
      maxLength: 3,
    }),
  })
  .map(({ clusterMode, labels, strategy, roles }) =>
    specOf({
      image: "a",
      clusterMode,
      placement: { labels, strategy },
      roles: roles.map((role, i) => ({ ...role, name: ["main", "worker", "ps"][i] })),
    }),
  );

/** Hosts of 4 cores; some with a label, some that cannot be used. */
const someNodes: fc.Arbitrary<NodeSnapshot[]> = fc
  .array(
    fc.record({
      labels: fc.constantFrom({}, { zone: "a" }),
      schedulable: fc.constantFrom(true, true, true, false),
      status: fc.constantFrom("ready" as const, "ready" as const, "ready" as const, "lost" as const),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((all) => all.map((over, i) => ({ ...hosts(i + 1)[i]!, ...over })));

const small = specOf({ image: "a", resources: { cpu: 0.5 } });

/** Would it fit if no session ran? `nodes` are empty. */
function fitsEmpty(spec: SessionSpec, nodes: NodeSnapshot[]): boolean {
  return plan(spec, fleet(nodes)).plan !== undefined;
}

test("whatever arrives, a session that fits the fleet begins within its patience and one generation for each before it", () => {
  let waited = 0;
  const stream = fc.array(fc.record({ spec: arbitrarySpec, lasts: fc.integer({ min: 1, max: 20 }) }), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(someNodes, stream, fc.integer({ min: 0, max: 60 }), (nodes, arrivals, patience) => {
      const longest = 20;
      const world = new World(nodes, patience);
      const lasts = (id: string) => 1 + ((Number(id.slice(4)) * 7) % longest);
      // Small sessions arrive without end and fill all that is free, from before the first of the others.
      for (let i = 0; i < 8 * nodes.length; i++) world.arrive(small, lasts);
      const due = new Map<string, { came: number; by: number }>();
      for (const { spec: asked } of arrivals) {
        const before = world.waiting.length;
        const id = world.arrive(asked, lasts);
        if (fitsEmpty(asked, nodes))
          due.set(id, { came: world.now, by: world.now + patience + (before + 1) * longest });
        world.now++;
        if (world.endDue()) world.look(lasts);
        world.arrive(small, lasts);
      }
      const last = Math.max(0, ...[...due.values()].map(({ by }) => by));
      while (world.now < last && [...due.keys()].some((id) => !world.begun.has(id))) {
        world.now++;
        if (world.endDue()) world.look(lasts);
        world.arrive(small, lasts);
        world.arrive(small, lasts);
      }
      for (const [id, { came, by }] of due) {
        const begun = world.begun.get(id)?.at ?? Infinity;
        if (begun > came) waited++;
        expect([id, begun <= by]).toEqual([id, true]);
      }
    }),
    { numRuns: 200 },
  );
  expect(waited).toBeGreaterThan(50);
});

test("of equal demands with one priority, the session that came first begins first", () => {
  const step = fc.record({ kind: fc.nat(3), priority: fc.constantFrom(4, 5, 5, 6), lasts: fc.nat(9) });
  fc.assert(
    fc.property(
      someNodes,
      fc.array(arbitrarySpec, { minLength: 1, maxLength: 4 }),
      fc.array(step, { maxLength: 40 }),
      fc.nat(30),
      (nodes, kinds, steps, patience) => {
        const world = new World(nodes, patience);
        const lines = new Map<string, string[]>();
        for (const { kind, priority, lasts } of steps) {
          const asked = kinds[kind % kinds.length]!;
          const id = world.arrive(asked, () => 1 + lasts, priority);
          const line = `${kind % kinds.length} ${priority}`;
          lines.set(line, [...(lines.get(line) ?? []), id]);
          world.now++;
          if (world.endDue()) world.look(() => 1 + lasts);
        }
        for (const line of lines.values()) {
          const begun = line.map((id) => world.begun.get(id)?.order ?? Infinity);
          expect(begun).toEqual(begun.toSorted((a, b) => a - b));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("the plans of one round fit beside each other, and into what the nodes have", () => {
  fc.assert(
    fc.property(someNodes, fc.array(arbitrarySpec, { minLength: 1, maxLength: 10 }), (nodes, specs) => {
      const world = new World([], 0);
      for (const each of specs) world.arrive(each, () => 5);
      world.changeFleet(nodes);
      world.look(() => 5);
      for (const { capacity, allocated } of world.snapshot.nodes) {
        expect(allocated.cpu).toBeLessThanOrEqual(capacity.cpu + 1e-6);
        expect(new Set(allocated.gpuIds).size).toBe(allocated.gpuIds.length);
      }
      const { subnets } = world.snapshot.reserved;
      expect(new Set(subnets).size).toBe(subnets.length);
    }),
  );
});

test("a session that waits for something else than room holds up no other, until the fleet changes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 150 }), fc.integer({ min: 0, max: 10 }), (hopeless, patience) => {
      const [usable, cordoned] = hosts(2);
      const nodes = [usable!, { ...cordoned!, schedulable: false, labels: { zone: "b" } }];
      const world = new World(nodes, patience);
      const lasts = () => 5;
      for (let i = 0; i < hopeless; i++) {
        // Never, since no node is so large. Or not now, since the only node with the label is cordoned.
        const body =
          i % 2 === 0
            ? { resources: { cpu: 5 + i } }
            : { clusterSize: 1 + i, placement: { labels: { zone: "b" } } };
        world.arrive(specOf({ image: "a", ...body }), lasts);
      }
      world.now += 100;
      const id = world.arrive(small, lasts);
      expect(world.begun.has(id)).toBe(true);
      world.changeFleet(hosts(2, { labels: { zone: "b" } }));
      world.look(lasts);
      expect(world.begun.has("ses_1")).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test("to look only at the demands that a change may help begins the same sessions at the same times", () => {
  const change = fc.record({
    at: fc.nat(),
    labels: fc.constantFrom({}, { zone: "a" }),
    schedulable: fc.constantFrom(true, true, false),
    status: fc.constantFrom("ready" as const, "ready" as const, "disconnected" as const),
  });
  // Small sessions of cores alone, so that much begins when something ends.
  const role = fc.record({ replicas: fc.integer({ min: 1, max: 2 }), cpu: fc.integer({ min: 1, max: 4 }) });
  const arrival = fc.record({
    spec: fc
      .tuple(fc.array(role, { minLength: 1, maxLength: 2 }), fc.constantFrom({}, { zone: "a" }))
      .map(([roles, labels]) =>
        specOf({
          clusterMode: "multi-node",
          placement: { labels },
          roles: roles.map(({ replicas, cpu }, i) => ({
            name: ["main", "sub"][i],
            replicas,
            resources: { cpu },
          })),
        }),
      ),
  });
  const steps = fc.array(fc.oneof(arrival, arrival, fc.record({ change })), { maxLength: 25, size: "max" });
  const patiences = fc.constantFrom(0, 5, 1000);
  let spared = 0;
  fc.assert(
    fc.property(someNodes, steps, patiences, (nodes, all, patience) => {
      const worlds = [new World(nodes, patience), new World(nodes, patience, true)] as const;
      const lasts = (id: string) => 1 + ((Number(id.slice(4)) * 7) % 12);
      const pass = () => {
        for (const world of worlds) {
          world.now++;
          if (!world.endDue()) continue;
          spared += (world.looksAtAll ? 1 : -1) * world.demands.filter(({ current }) => !current).length;
          world.look(lasts);
        }
        expect([...worlds[0].begun]).toEqual([...worlds[1].begun]);
      };
      for (const step of all) {
        for (const world of worlds) {
          if ("spec" in step) world.arrive(step.spec, lasts);
          else {
            const { at, ...over } = step.change;
            world.changeFleet(
              world.nodes.map((node, i) => (i === at % nodes.length ? { ...node, ...over } : node)),
            );
            world.look(lasts);
          }
        }
        pass();
        pass();
      }
      for (let i = 0; i < 100 && worlds[1].running.length > 0; i++) pass();
    }),
    { numRuns: 200 },
  );
  expect(spared).toBeGreaterThan(500);
});
