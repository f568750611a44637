import fc from "fast-check";
import { expect, test } from "vitest";
import { withPlan } from "../plan/holdings.ts";
import type { NodeSnapshot, Plan, Snapshot } from "../plan/plan.ts";
import { plan } from "../plan/planner.ts";
import { emptied } from "../plan/room.ts";
import { readSpec, type SessionSpec } from "../request/spec.ts";
import { fleet, hosts } from "../testing/fixtures.ts";
import { type Ask, queueRound, type Waiting } from "./queue.ts";

interface Queued extends Waiting {
  seq: number;
  demand: SessionSpec;
  priority: number;
}

const NO_NETWORKS = { subnets: [], vnis: [] };

/** A fleet and its queue over time, as the Fleet object keeps them. Times in ms. */
class World {
  now = 0;
  nodes: NodeSnapshot[];
  readonly patience: number;
  readonly asks: Ask[] = [];
  readonly waiting: Queued[] = [];
  readonly running: { id: string; demand: SessionSpec; plan: Plan; endsAt: number }[] = [];
  readonly begun = new Map<string, { at: number; order: number }>();
  readonly #texts: string[] = [];
  #seq = 0;

  constructor(nodes: NodeSnapshot[], patience: number) {
    this.nodes = nodes;
    this.patience = patience;
  }

  get snapshot(): Snapshot {
    let snapshot = fleet(this.nodes);
    for (const { demand, plan: held } of this.running) snapshot = withPlan(snapshot, demand, held);
    return snapshot;
  }

  /** Looked at at once. `lasts`: how long it runs once it has begun. */
  arrive(demand: SessionSpec, lasts: (id: string) => number, priority = 5): string {
    const text = JSON.stringify(demand);
    if (!this.#texts.includes(text)) {
      this.#texts.push(text);
      this.asks.push({ demand, avoid: NO_NETWORKS, found: null, current: false });
    }
    const ask = this.#texts.indexOf(text);
    this.asks[ask]!.current = false;
    const seq = this.#seq++;
    const id = `ses_${seq}`;
    this.waiting.push({ id, ask, since: this.now, seq, demand, priority });
    this.look(lasts);
    return id;
  }

  endDue(): boolean {
    const due = this.running.filter(({ endsAt }) => endsAt <= this.now);
    for (const each of due) this.running.splice(this.running.indexOf(each), 1);
    if (due.length > 0) for (const ask of this.asks) if (ask.found?.claim) ask.current = false;
    return due.length > 0;
  }

  changeFleet(nodes: NodeSnapshot[]): void {
    this.nodes = nodes;
    for (const ask of this.asks) Object.assign(ask, { found: null, current: false });
  }

  look(lasts: (id: string) => number): void {
    this.waiting.sort((a, b) => b.priority - a.priority || a.seq - b.seq);
    const untried = new Set(this.waiting.map(({ ask }) => ask).filter((ask) => !this.asks[ask]!.current))
      .size;
    const round = queueRound(
      this.waiting,
      { of: (ask) => this.asks[ask]!, untried },
      { snapshot: this.snapshot, lingering: NO_NETWORKS },
      { now: this.now, patience: this.patience },
    );
    for (const { id, plan: held } of round.admitted) {
      const at = this.waiting.findIndex((each) => each.id === id);
      const [{ demand }] = this.waiting.splice(at, 1) as [Queued];
      this.running.push({ id, demand, plan: held, endsAt: this.now + lasts(id) });
      this.begun.set(id, { at: this.now, order: this.begun.size });
    }
    for (const [ask, found] of round.findings) Object.assign(this.asks[ask]!, { found, current: true });
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

const demand: fc.Arbitrary<SessionSpec> = fc
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
    readSpec({
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

const small = readSpec({ image: "a", resources: { cpu: 0.5 } });

/** Would it fit if no session ran? */
function fitsEmpty(spec: SessionSpec, nodes: NodeSnapshot[]): boolean {
  return plan(spec, fleet(nodes.map(emptied))).plan !== undefined;
}

test("whatever arrives, who fits the fleet begins within its patience and one generation for each before it", () => {
  let waited = 0;
  const stream = fc.array(fc.record({ demand, lasts: fc.integer({ min: 1, max: 20 }) }), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(someNodes, stream, fc.integer({ min: 0, max: 60 }), (nodes, arrivals, patience) => {
      const longest = 20;
      const world = new World(nodes, patience);
      const lasts = (id: string) => 1 + ((Number(id.slice(4)) * 7) % longest);
      // Small ones that never stop coming fill all that is free, from before the first of the others.
      for (let i = 0; i < 8 * nodes.length; i++) world.arrive(small, lasts);
      const due = new Map<string, { came: number; by: number }>();
      for (const { demand: asked } of arrivals) {
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

test("with equal demands and priority, who came first begins first", () => {
  const step = fc.record({ kind: fc.nat(3), priority: fc.constantFrom(4, 5, 5, 6), lasts: fc.nat(9) });
  fc.assert(
    fc.property(
      someNodes,
      fc.array(demand, { minLength: 1, maxLength: 4 }),
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
    fc.property(someNodes, fc.array(demand, { minLength: 1, maxLength: 10 }), (nodes, demands) => {
      const world = new World([], 0);
      for (const each of demands) world.arrive(each, () => 5);
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

test("who waits for something else than room holds up nobody, until the fleet changes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 150 }), fc.integer({ min: 0, max: 10 }), (hopeless, patience) => {
      const [usable, cordoned] = hosts(2);
      const nodes = [usable!, { ...cordoned!, schedulable: false, labels: { zone: "b" } }];
      const world = new World(nodes, patience);
      const lasts = () => 5;
      for (let i = 0; i < hopeless; i++) {
        // Never, since no node is so large; or not now, since the only node with the label is cordoned.
        const body =
          i % 2 === 0
            ? { resources: { cpu: 5 + i } }
            : { clusterSize: 1 + i, placement: { labels: { zone: "b" } } };
        world.arrive(readSpec({ image: "a", ...body }), lasts);
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
