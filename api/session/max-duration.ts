/** A session that has run for its `maxDuration` fails. The time counts from `running`, and goes on while the API is away. */
import type { SessionRecord } from "../../shared/session/session-record.ts";
import { transition } from "../../shared/session/transition.ts";
import { terminate } from "./removal.ts";
import type { SessionStore } from "./session-store.ts";

/** An alarm this late means that the API was away. Its nodes then get this time to say that the session has ended in time. */
const LATE_MS = 5_000;
const GRACE_MS = 60_000;

/** For a session that runs from now on, ms since 1970; null: no limit. */
export function endOfDuration(store: SessionStore, now: number): number | null {
  const { maxDuration } = store.spec();
  return maxDuration === undefined ? null : now + maxDuration * 1000;
}

/** Call at `runsUntil`. */
export function endOverdue(store: SessionStore, record: SessionRecord, now: number): SessionRecord {
  const { runsUntil } = record;
  if (runsUntil === null || runsUntil > now) return record;
  if (now - runsUntil > LATE_MS)
    return transition(record, { kind: "timeExtended", runsUntil: now + GRACE_MS });
  const reason = `it has run for ${store.spec().maxDuration} s, its maxDuration; ask for more if its work takes longer`;
  return terminate(store, record, "failed", reason, now);
}
