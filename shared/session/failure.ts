/** Decides what follows a node's failure: another plan, or the end of the session. */
import { maySessionGo } from "./lifecycle.ts";
import type { SessionEvent } from "./session-events.ts";
import { isAtGate, isGateClosed, type SessionRecord } from "./session-record.ts";

export interface PlanFailure {
  /** What happened, where, and what to do. */
  readonly reason: string;
  /** Ids of the nodes that the next plan avoids. */
  readonly atFault: readonly string[];
  /** The plan's network conflicts with one on the node: another network may help, and no node is at fault. */
  readonly networkConflict?: boolean;
}

export interface ReplanLimits {
  /** Of the request. */
  readonly retries: number;
  /** Plans at most because of conflicting networks. */
  readonly maxEpochs: number;
}

/**
 * A session gets another plan only while its gate is closed. After that commands may have run, and only the user may decide to run them
 * twice. Nor does one that waits at its gate: clients may have put files into its containers, and those would be lost without a word. Another plan needs a conflicting network, or one of the request's retries.
 */
export function failureEvent(
  record: SessionRecord,
  { reason, atFault, networkConflict }: PlanFailure,
  { retries, maxEpochs }: ReplanLimits,
  times: { readonly at: number; readonly giveUpAt: number },
): SessionEvent<"replanned" | "retried" | "ended"> {
  const mayReplan = maySessionGo(record.status, "pending") && isGateClosed(record) && !isAtGate(record);
  const again = { reason: `another plan is needed: ${reason}`, ...times };
  if (mayReplan && networkConflict && record.epoch < maxEpochs) return { kind: "replanned", ...again };
  if (mayReplan && record.retried < retries) return { kind: "retried", atFault, ...again };
  return { kind: "ended", outcome: "failed", reason, ...times };
}
