import { expect, test } from "vitest";
import { failureEvent } from "./failure.ts";
import { newRecord, type SessionRecord } from "./session-record.ts";

const times = { at: 1, giveUpAt: 2 };
const record = (change: Partial<SessionRecord>): SessionRecord => ({
  ...newRecord({ id: "ses_1", project: "p", name: "train", createdAt: "2026-11-24T00:00:00Z" }),
  status: "preparing",
  epoch: 1,
  ...change,
});

const opened = "2026-11-24T00:01:00Z";
const cases: [string, Partial<SessionRecord>, { networkConflict?: boolean; retries: number }, string][] = [
  ["preparing, no retries", {}, { retries: 0 }, "ended"],
  ["preparing, a retry left", {}, { retries: 1 }, "retried"],
  ["preparing, all retries used", { retried: 1 }, { retries: 1 }, "ended"],
  ["starting, the gate closed", { status: "starting" }, { retries: 1 }, "retried"],
  ["starting, the gate open", { status: "starting", startedAt: opened }, { retries: 1 }, "ended"],
  ["running", { status: "running", startedAt: opened }, { retries: 1 }, "ended"],
  ["a conflict", {}, { retries: 0, networkConflict: true }, "replanned"],
  ["a conflict uses no retry", {}, { retries: 1, networkConflict: true }, "replanned"],
  ["a conflict at the last plan", { epoch: 5 }, { retries: 0, networkConflict: true }, "ended"],
  [
    "a conflict at the last plan, a retry left",
    { epoch: 5 },
    { retries: 1, networkConflict: true },
    "retried",
  ],
  [
    "a conflict, the gate open",
    { status: "starting", startedAt: opened },
    { retries: 1, networkConflict: true },
    "ended",
  ],
];

test.each(cases)("%s", (_what, change, { retries, networkConflict = false }, kind) => {
  const failure = { reason: "it broke", atFault: ["node_b"], networkConflict };
  const event = failureEvent(record(change), failure, { retries, maxEpochs: 5 }, times);
  expect(event).toEqual(
    {
      ended: { kind, outcome: "failed", reason: "it broke", ...times },
      retried: { kind, atFault: ["node_b"], reason: "another plan is needed: it broke", ...times },
      replanned: { kind, reason: "another plan is needed: it broke", ...times },
    }[kind],
  );
});
