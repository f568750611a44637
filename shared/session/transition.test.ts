import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { maySessionGo, SESSION_STATUSES, type SessionStatus } from "./lifecycle.ts";
import type { EventKind, SessionEvent } from "./session-events.ts";
import { newRecord, type SessionRecord } from "./session-record.ts";
import { STEPS, type Step } from "./session-steps.ts";
import { IllegalStep, transition } from "./transition.ts";

const KINDS = Object.keys(STEPS) as EventKind[];
const NEW = newRecord({ id: "ses_1", project: "p", name: "train", createdAt: "2026-11-24T00:00:00Z" });
const NOON = Date.parse("2026-11-24T12:00:00Z");

const times = { at: NOON, giveUpAt: NOON + 30_000 };
const begun: SessionEvent = { kind: "begun", epoch: 1, at: NOON };
const prepared: SessionEvent = { kind: "prepared", at: NOON };
const started: SessionEvent = { kind: "started", at: NOON };
const running: SessionEvent = { kind: "running", runsUntil: null };
const ended: SessionEvent = { kind: "ended", outcome: "terminated", reason: "ended by request", ...times };
const removed: SessionEvent = { kind: "removed", at: NOON };

function recordAfter(...events: SessionEvent[]): SessionRecord {
  return events.reduce((record, event) => transition(record, event), NEW);
}

/** For each state the events that it takes: what each needs, where it leads, which fields it changes. */
function stepsText(): string {
  return SESSION_STATUSES.map((status) => [status, ...linesOf(status)].join("\n"))
    .join("\n\n")
    .concat("\n");
}

function linesOf(status: SessionStatus): string[] {
  return KINDS.filter((kind) => STEPS[kind].in.includes(status)).map((kind) => {
    const step = STEPS[kind];
    const leads = step.to ? `→ ${step.to}` : "";
    const fields = [...Object.keys(step.changes), ...(step.tellsFleet ? ["news"] : [])].join(" ");
    const needs = step.if ? `  (if ${step.if.says})` : "";
    return `  ${kind.padEnd(16)}${leads.padEnd(14)}${fields}${needs}`;
  });
}

describe("the table of steps", () => {
  test("is as in golden/, state by state (UPDATE_GOLDEN=1 writes it)", () => {
    const file = new URL("golden/steps.txt", import.meta.url);
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, stepsText());
    expect(stepsText()).toBe(readFileSync(file, "utf8"));
  });

  test("has only steps that the table of states allows, and every step of that table", () => {
    const steps = KINDS.flatMap((kind) => STEPS[kind].in.map((from) => [from, STEPS[kind].to] as const));
    const moves = steps.flatMap(([from, to]) => (to === undefined ? [] : [`${from} → ${to}`]));
    const allowed = SESSION_STATUSES.flatMap((from) =>
      SESSION_STATUSES.filter((to) => maySessionGo(from, to)).map((to) => `${from} → ${to}`),
    );
    expect([...new Set(moves)].sort()).toEqual(allowed.sort());
  });

  test("a field that a record does not have does not compile", () => {
    // @ts-expect-error progresAt is misspelt
    const misspelt: Step<"progressed"> = { in: ["preparing"], changes: { progresAt: (_, { at }) => at } };
    // @ts-expect-error a time, not a text
    const mistyped: Step<"progressed"> = { in: ["preparing"], changes: { progressAt: () => "now" } };
    // @ts-expect-error the state changes by `to` only
    const bypassed: Step<"progressed"> = { in: ["preparing"], changes: { status: () => "running" } };
    // @ts-expect-error the event has no epoch
    const unknown: Step<"progressed"> = { in: ["preparing"], changes: { epoch: (_, { epoch }) => epoch } };
    expect([misspelt, mistyped, bypassed, unknown]).toHaveLength(4);
  });

  test("an assignment to a record does not compile", () => {
    const assign = (record: SessionRecord) => {
      // @ts-expect-error readonly
      record.status = "running";
      // @ts-expect-error readonly
      record.avoid.push("node_a");
      // @ts-expect-error readonly
      record.lost["node_a"] = "lost";
    };
    expect(assign).toBeTypeOf("function");
  });

  test("an event that lacks a field, or does not exist, does not compile", () => {
    // @ts-expect-error no epoch
    const little: SessionEvent = { kind: "begun", at: 0 };
    // @ts-expect-error no such event
    const none: SessionEvent = { kind: "begone", at: 0 };
    expect([little, none]).toHaveLength(2);
  });
});

describe("a step", () => {
  test("makes a new record and leaves the old one as it is", () => {
    const record = Object.freeze({ ...NEW });
    const next = transition(record, begun);
    expect(next).toEqual({
      ...NEW,
      status: "preparing",
      epoch: 1,
      phaseAt: NOON,
      progressAt: NOON,
    });
    expect(record).toEqual(NEW);
  });

  test.each<[string, SessionRecord, SessionEvent, RegExp]>([
    [
      "in a state that does not take it",
      recordAfter(begun),
      running,
      /ses_1 is preparing at epoch 1.* running: .*starting/,
    ],
    ["before the gate is open", recordAfter(begun, prepared), running, /if the gate is open/],
    ["once the gate is open", recordAfter(begun, prepared, started), started, /if the gate is closed/],
    [
      "with an earlier epoch",
      recordAfter(begun, { kind: "replanned", reason: "", ...times }, removed, { kind: "requeued" }),
      begun,
      /if the last removal is over, and the epoch is later/,
    ],
    ["with the other outcome", recordAfter(ended, removed), { kind: "failed" }, /that is the outcome/],
    ["before all is removed", recordAfter(ended), { kind: "terminated" }, /if all is removed/],
    ["after the end", recordAfter(ended, removed, { kind: "terminated" }), ended, /is terminated/],
  ])("%s is an IllegalStep, which names the state and the event", (_when, record, event, message) => {
    expect(() => transition(record, event)).toThrow(IllegalStep);
    expect(() => transition(record, event)).toThrow(message);
    expect(() => transition(record, event)).toThrow(
      expect.objectContaining({ session: "ses_1", from: record.status, event: event.kind }),
    );
  });
});

describe("the life of a record", () => {
  test("from request to end", () => {
    expect(recordAfter(begun, prepared, started, running, ended, removed, { kind: "terminated" })).toEqual({
      ...NEW,
      status: "terminated",
      reason: "ended by request",
      epoch: 1,
      startedAt: "2026-11-24T12:00:00.000Z",
      endedAt: "2026-11-24T12:00:00.000Z",
      phaseAt: NOON,
      progressAt: NOON,
      news: 4,
    });
  });

  test("a retry is counted, avoids each node once, and waits for another plan", () => {
    const retry = (atFault: string[]): SessionEvent => ({ kind: "retried", reason: "r", atFault, ...times });
    const again: SessionEvent[] = [removed, { kind: "requeued" }, { ...begun, epoch: 2 }];
    expect(recordAfter(begun, retry(["a"]), ...again, prepared, retry(["b", "a"]))).toMatchObject({
      status: "pending",
      outcome: "replan",
      removed: false,
      force: true,
      epoch: 2,
      retried: 2,
      avoid: ["a", "b"],
      reason: "r",
      giveUpAt: times.giveUpAt,
    });
  });

  test("a session that is ended while it waits for another plan forgets that plan", () => {
    const replanned: SessionEvent = { kind: "replanned", reason: "r", ...times };
    expect(recordAfter(begun, replanned, removed, ended)).toMatchObject({
      status: "terminating",
      outcome: "terminated",
      removed: false,
      force: false,
    });
  });

  test("lost nodes are kept while it runs", () => {
    const up = [begun, prepared, started, running];
    const lost = (node: string): SessionEvent => ({ kind: "nodeLost", node, reason: `${node} is lost` });
    expect(recordAfter(...up, lost("a"), lost("b"), { kind: "nodeReturned", node: "a" }).lost).toEqual({
      b: "b is lost",
    });
    expect(recordAfter(...up, lost("a"), ended).lost).toEqual({});
    expect(() => recordAfter(...up, { kind: "nodeReturned", node: "a" })).toThrow(IllegalStep);
  });

  test("a lost node ends the grace, but does not make it longer", () => {
    const grace = (at: number) => recordAfter(ended, { kind: "graceEnded", at }).giveUpAt;
    expect(grace(NOON + 1)).toBe(NOON + 1);
    expect(grace(times.giveUpAt + 1)).toBe(times.giveUpAt);
  });
});
