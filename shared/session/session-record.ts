/** The record of a session as a whole. Only `transition` (transition.ts) derives a new one. */
import type { SessionStatus } from "./lifecycle.ts";

/** How a session can end. */
export type End = "terminated" | "failed";

export interface SessionRecord {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly status: SessionStatus;
  /** For users: what the session waits for, or why it ends or ended. */
  readonly reason: string | null;
  /** Number of the last plan that began; 0 before the first. */
  readonly epoch: number;
  /** RFC 3339, like the two below. */
  readonly createdAt: string;
  /** When the gate opened: before, no command has started. */
  readonly startedAt: string | null;
  /** When every part was removed or given up. */
  readonly endedAt: string | null;
  /** main1's exit code, if its end is the session's. */
  readonly exitCode: number | null;
  /** While a removal runs: what comes after it. */
  readonly outcome: End | "replan" | null;
  /** Skein no longer waits for any part. `outcome` takes effect once Fleet knows it. */
  readonly removed: boolean;
  /** In the last removal nodes kill at once, instead of SIGTERM and 10 s. */
  readonly force: boolean;
  /** The gate may open by itself, or its opening was requested. It outlives plans. */
  readonly mayStart: boolean;
  /** Counts the steps that Fleet must know of. */
  readonly news: number;
  /** While it runs: the lost nodes that it goes on without, and the reason to show. */
  readonly lost: Readonly<Record<string, string>>;
  /** Retries used (the request's `retries` is the limit), and the nodes at fault. */
  readonly retried: number;
  readonly avoid: readonly string[];
  /** While its containers stay after main1's end: for how many seconds at most. */
  readonly hold: number | null;
  /** ms since 1970, like the four below. When the present wait for nodes began. */
  readonly phaseAt: number | null;
  /** While it waits at its gate to be started: since when. */
  readonly gateAt: number | null;
  /** When a node last reported during preparation. */
  readonly progressAt: number | null;
  /** During a removal: when Skein stops waiting for disconnected nodes. */
  readonly giveUpAt: number | null;
  /** While it runs: when its `maxDuration` is over. */
  readonly runsUntil: number | null;
}

/** What a session waits for at its gate, word for word as the contract has it: clients look for it. */
export const WAITS_FOR_START = "waits for start";

/** A session as it was requested. */
export function newRecord(
  identity: Pick<SessionRecord, "id" | "project" | "name" | "createdAt">,
  gate: "auto" | "manual" = "auto",
): SessionRecord {
  return {
    ...identity,
    status: "pending",
    reason: null,
    epoch: 0,
    startedAt: null,
    endedAt: null,
    exitCode: null,
    outcome: null,
    removed: false,
    force: false,
    mayStart: gate === "auto",
    news: 0,
    lost: {},
    retried: 0,
    avoid: [],
    hold: null,
    phaseAt: null,
    gateAt: null,
    progressAt: null,
    giveUpAt: null,
    runsUntil: null,
  };
}

/** Whether the session waits for nodes to remove their parts. */
export function isRemoving({ outcome, removed, hold }: SessionRecord): boolean {
  return outcome !== null && !removed && hold === null;
}

/** Whether its containers stay for a while after main1's end, so that files can be read. */
export function isHeld({ hold }: SessionRecord): boolean {
  return hold !== null;
}

/** Whether everything is ready, and only its start is missing. */
export function isAtGate({ gateAt }: SessionRecord): boolean {
  return gateAt !== null;
}

/** Whether no command has started yet. */
export function isGateClosed({ startedAt }: SessionRecord): boolean {
  return startedAt === null;
}

/** Whether the session needs the containers of its plan. In other states the loss of a node does not matter to it. */
export function needsNodes({ status }: SessionRecord): boolean {
  return status === "preparing" || status === "starting" || status === "running";
}
