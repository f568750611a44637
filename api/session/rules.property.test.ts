/**
 * Reports, plans, losses and alarms in any order: the rules never ask for an illegal step, every session can end, and the events of all steps
 * add up to what the Session shows.
 */
import { reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { plan } from "../../shared/plan/planner.ts";
import type { ContainerReport, Failure, Report } from "../../shared/protocol/protocol.ts";
import { readSpec } from "../../shared/request/spec.ts";
import type { ContainerChanged } from "../../shared/session/event-schemas.ts";
import { CONTAINER_STATUSES, maySessionGo, PHASES, SESSION_STATES } from "../../shared/session/lifecycle.ts";
import {
  isAtGate,
  isHeld,
  isRemoving,
  newRecord,
  type SessionRecord,
} from "../../shared/session/session-record.ts";
import { DEFAULT_SETTINGS } from "../../shared/settings/settings.ts";
import { fleet, hosts } from "../../shared/testing/fixtures.ts";
import { sessionOf } from "../platform/objects.ts";
import { eventsOf } from "./commit-events.ts";
import { giveUp, nodeGone, nodeLost } from "./loss.ts";
import { phaseOf } from "./part-table.ts";
import { fleetTold, release, terminate } from "./removal.ts";
import { begin, requestStart, takeReport } from "./rules.ts";
import { SessionStore } from "./session-store.ts";
import { sessionView } from "./session-view.ts";
import { limitAt, strike } from "./wait-limits.ts";

afterEach(() => reset());

const NODES = ["node_1", "node_2", "node_3"];
const IDENTITY = { hostKey: "A".repeat(43), userKey: "A".repeat(43) };

const node = fc.constantFrom(...NODES);
const failure: fc.Arbitrary<Failure> = fc.record({
  code: fc.constantFrom("image", "network_conflict", "internal"),
  message: fc.constant("it broke"),
});

/** The next event. `obey`: these nodes do as asked; `report`: one node reports anything; `exit`: main1's command has ended. */
const arbitraryStep = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("obey" as const), nodes: fc.constant(NODES) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("obey" as const), nodes: fc.subarray(NODES) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("plan" as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("told" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("report" as const),
      node,
      epoch: fc.nat(3),
      phase: fc.constantFrom("none", ...PHASES),
      status: fc.constantFrom(...CONTAINER_STATUSES),
      exitCode: fc.constantFrom(0, 3),
      failure: fc.option(failure, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lost" as const), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("gone" as const), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("giveUp" as const), nodes: fc.subarray(NODES) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("limit" as const), late: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("start" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("exit" as const), exitCode: fc.constantFrom(0, 3) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("end" as const) }) },
);
type Step = typeof arbitraryStep extends fc.Arbitrary<infer S> ? S : never;
type Saying = Extract<Step, { kind: "report" }>;

/** A Session's rules on their own store, without Fleet and Links. */
class Rules {
  readonly store: SessionStore;
  record: SessionRecord;
  /** What a follower knows: the newest event of the session, and of each container. */
  #told: Pick<SessionRecord, "status" | "reason" | "epoch">;
  readonly #toldOf = new Map<string, ContainerChanged>();
  #now = Date.parse("2026-11-24T12:00:00Z");

  constructor(storage: DurableObjectStorage, request: object, gate: "auto" | "manual") {
    this.store = new SessionStore(storage);
    const identity = { id: "ses_1", project: "p", name: "train", createdAt: "2026-11-24T00:00:00Z" };
    this.record = newRecord(identity, gate);
    this.#told = this.record;
    const size = { clusterMode: "multi-node", clusterSize: 4 } as const;
    this.store.create(this.record, readSpec({ image: "a", ...size, ...request }, DEFAULT_SETTINGS));
  }

  take(step: Step): void {
    const before = this.record;
    this.#now += 1000;
    this.record = this.#after(step, this.#now);
    const legal = this.record.status === before.status || maySessionGo(before.status, this.record.status);
    expect([before.status, this.record.status, legal]).toEqual([before.status, this.record.status, true]);
    this.#follow(before);
  }

  #follow(before: SessionRecord): void {
    const { store, record } = this;
    const changes = store.containers.takeChanges();
    const { events, progress } = eventsOf(store, before, record, changes, "2026-11-24T12:00:00.000Z");
    for (const { kind, data } of events) {
      if (kind === "session") this.#told = data;
      else this.#toldOf.set(data.host, data);
    }
    for (const data of progress) this.#toldOf.set(data.host, data);
    const { status, reason, epoch } = record;
    expect(this.#told).toMatchObject({ status, reason, epoch });
    // While it waits for another plan, the Session shows no containers of the last one; the events tell of their removal.
    if (epoch === 0 || status === "pending") return;
    for (const { host, node: name, status: of, reason: why, exitCode } of sessionView(store, record)
      .containers)
      expect(this.#toldOf.get(host)).toMatchObject({ node: name, status: of, reason: why, exitCode });
  }

  #after(step: Step, now: number): SessionRecord {
    const { store, record } = this;
    const name = "node" in step ? step.node.replace("node_", "host") : "";
    switch (step.kind) {
      case "plan":
        return this.#begin(now);
      case "told":
        return fleetTold(record, record.news);
      case "obey":
        return step.nodes.reduce((current, each) => this.#obey(current, each, now), record);
      case "report":
        return takeReport(store, record, step.node, this.#anything(step), now).record;
      case "lost":
        return nodeLost(store, record, { kind: "nodeLost", node: step.node, name, seconds: 60 }, now);
      case "gone":
        return nodeGone(store, record, step.node, name, now);
      case "giveUp":
        return giveUp(store, record, step.nodes, now);
      case "limit":
        return strike(store, record, (limitAt(record) ?? now) + (step.late ? 120_000 : 0));
      case "exit":
        return this.#exit(step.exitCode, now);
      case "start":
        return maySessionGo(record.status, "terminating") ? requestStart(store, record, now) : record;
      case "end":
        return release(store, terminate(store, record, "terminated", "ended by request", now), now);
    }
  }

  /** Fleet sends the next plan once it may know that the session needs one; an old plan may come at any time. */
  #begin(now: number): SessionRecord {
    const { store, record } = this;
    const { plan: planned } = plan(store.spec(), fleet(hosts(3)));
    const epoch = isRemoving(record) ? record.epoch : record.epoch + 1;
    return begin(store, record, { epoch, plan: planned!, nodesChange: 0 }, now);
  }

  #obey(record: SessionRecord, id: string, now: number): SessionRecord {
    const part = this.store.parts.of(id);
    if (!part) return record;
    const phase = phaseOf(part.wanted);
    return takeReport(this.store, record, id, this.#whole(id, part.epoch, phase, { status: phase }), now)
      .record;
  }

  #exit(exitCode: number, now: number): SessionRecord {
    const { store, record } = this;
    const main = store.containers.all().find(({ rank }) => rank === 0);
    const part = main && store.parts.of(main.node);
    if (!part || part.reached === 0) return record;
    const phase = phaseOf(part.reached);
    const report = this.#whole(part.node, part.epoch, phase, { status: phase });
    const containers = report.containers.map((each) =>
      each.host === "main1" ? { ...each, status: "exited" as const, exitCode } : each,
    );
    return takeReport(store, record, part.node, { ...report, containers }, now).record;
  }

  #anything({ node: id, epoch, phase, status, exitCode, failure: broken }: Saying): Report {
    const report = this.#whole(id, epoch, phase, { status, ...(status === "exited" ? { exitCode } : {}) });
    return broken ? { ...report, failure: broken } : report;
  }

  #whole(id: string, epoch: number, phase: Report["phase"], each: Omit<ContainerReport, "host">): Report {
    const hosts = this.store.containers.on(id).map(({ host }) => host);
    return {
      type: "report",
      session: "ses_1",
      epoch,
      phase,
      containers: hosts.map((host) => ({ host, ...each })),
      identities: hosts.map((host) => ({ host, user: "root", ...IDENTITY })),
    };
  }
}

test("no order of events makes the rules ask for an illegal step, and a session that is ended ends", async () => {
  const seen = new Set<string>();
  await runInDurableObject(sessionOf(env, "ses_rules"), (_, { storage }) =>
    fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryStep, { minLength: 20, maxLength: 80 }),
        fc.record({
          retries: fc.nat(2),
          onNodeLoss: fc.constantFrom("fail", "keep"),
          holdAtEnd: fc.option(fc.constant(60), { nil: undefined }),
        }),
        fc.constantFrom("auto", "manual"),
        async (steps, request, gate) => {
          await storage.deleteAll();
          const rules = new Rules(storage, request, gate);
          for (const step of steps) {
            rules.take(step);
            seen.add(rules.record.status);
            if (isAtGate(rules.record)) seen.add("at its gate");
            if (isHeld(rules.record)) seen.add("held");
          }
          rules.take({ kind: "end" });
          rules.take({ kind: "obey", nodes: NODES });
          // What is left are parts of earlier plans.
          rules.take({ kind: "giveUp", nodes: NODES });
          rules.take({ kind: "told" });
          seen.add(rules.record.status);
          expect(SESSION_STATES[rules.record.status].live).toBe(false);
        },
      ),
      { numRuns: 150 },
    ),
  );
  expect([...seen].sort()).toEqual([...Object.keys(SESSION_STATES), "at its gate", "held"].sort());
}, 30_000);
