/** How a plan's parts are removed: when a session ends or fails, or needs another plan. */
import { failureEvent, type PlanFailure } from "../../shared/session/failure.ts";
import { maySessionGo } from "../../shared/session/lifecycle.ts";
import type { SessionEvent } from "../../shared/session/session-events.ts";
import { type End, isHeld, isRemoving, type SessionRecord } from "../../shared/session/session-record.ts";
import { transition } from "../../shared/session/transition.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { RANK_OF } from "./part-table.ts";
import type { SessionStore } from "./session-store.ts";

/** Begins the end. Changes nothing if it has begun already. */
export function terminate(
  store: SessionStore,
  record: SessionRecord,
  outcome: End,
  reason: string,
  now: number,
): SessionRecord {
  if (!maySessionGo(record.status, "terminating")) return record;
  return removeAll(store, record, { kind: "ended", outcome, reason, ...removalTimes(now) });
}

/** The same because main1's command has ended. With `holdAtEnd` the containers stay for that time. */
export function commandEnded(
  store: SessionStore,
  record: SessionRecord,
  { outcome, reason, exitCode }: { outcome: End; reason: string; exitCode: number },
  now: number,
): SessionRecord {
  if (!maySessionGo(record.status, "terminating")) return record;
  const ended = { kind: "ended", outcome, reason, exitCode, ...removalTimes(now) } as const;
  const { holdAtEnd } = store.spec();
  if (holdAtEnd === undefined) return removeAll(store, record, ended);
  return transition(record, { ...ended, hold: holdAtEnd });
}

/** Ends the hold of a session whose containers stay: they are removed now. Changes nothing on another. */
export function release(store: SessionStore, record: SessionRecord, now: number): SessionRecord {
  if (!isHeld(record)) return record;
  const next = transition(record, { kind: "released", ...removalTimes(now) });
  store.parts.want(record.epoch, RANK_OF.removed);
  return checkRemoved(store, next, now);
}

/** Fleet has taken it out of its queue. Changes nothing if its end has begun meanwhile. */
export function waitedTooLong(
  store: SessionStore,
  record: SessionRecord,
  reason: string,
  now: number,
): SessionRecord {
  return record.status === "pending" ? terminate(store, record, "failed", reason, now) : record;
}

/** Fails a session that needs its nodes, or requests another plan (failure.ts decides). */
export function failOrReplan(
  store: SessionStore,
  record: SessionRecord,
  failure: PlanFailure,
  now: number,
): SessionRecord {
  const limits = { retries: store.spec().retries, maxEpochs: SETTINGS.maxEpochs };
  return removeAll(store, record, failureEvent(record, failure, limits, removalTimes(now)));
}

function removalTimes(now: number): { at: number; giveUpAt: number } {
  return { at: now, giveUpAt: now + SETTINGS.removalGraceSeconds * 1000 };
}

function removeAll(
  store: SessionStore,
  record: SessionRecord,
  event: SessionEvent<"replanned" | "retried" | "ended">,
): SessionRecord {
  const next = transition(record, event);
  store.parts.want(record.epoch, RANK_OF.removed);
  return checkRemoved(store, next, event.at);
}

/** Call when a part was removed or given up: the removal is over once the session waits for no part. */
export function checkRemoved(store: SessionStore, record: SessionRecord, now: number): SessionRecord {
  if (!isRemoving(record) || !store.parts.allRemoved()) return record;
  if (record.outcome !== "replan") store.containers.loseRest("its node has not confirmed its removal");
  return transition(record, { kind: "removed", at: now });
}

/** Fleet has taken the news up to that number. If nothing has happened since, a removal that is over takes effect. */
export function fleetTold(record: SessionRecord, number: number): SessionRecord {
  const { removed, news, outcome } = record;
  if (!removed || news !== number || outcome === null) return record;
  return transition(record, { kind: outcome === "replan" ? "requeued" : outcome });
}

/** The record once Fleet has taken the news. */
export function afterFleet(record: SessionRecord): SessionRecord {
  return record.outcome === "replan" ? record : fleetTold(record, record.news);
}
