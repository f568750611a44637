/** The states of sessions and containers as data, and what each allows. */

/**
 * Session states in their order. `next`: where a state may lead, checked at each step (transition.ts). A session never goes back within an
 * epoch, and every end goes through `terminating`.
 */
export const SESSION_STATES = {
  pending: { next: ["preparing", "terminating"], live: true, settled: false },
  preparing: { next: ["starting", "terminating", "pending"], live: true, settled: false },
  starting: { next: ["running", "terminating", "pending"], live: true, settled: false },
  running: { next: ["terminating"], live: true, settled: true },
  terminating: { next: ["terminated", "failed"], live: true, settled: false },
  terminated: { next: [], live: false, settled: true },
  failed: { next: [], live: false, settled: true },
} as const satisfies Record<string, { next: readonly string[]; live: boolean; settled: boolean }>;

export type SessionStatus = keyof typeof SESSION_STATES;
export const SESSION_STATUSES = Object.keys(SESSION_STATES) as [SessionStatus, ...SessionStatus[]];

/** Of sessions that have not ended. */
export const LIVE_STATUSES: readonly SessionStatus[] = SESSION_STATUSES.filter(
  (status) => SESSION_STATES[status].live,
);

/** Whether a session may go from one state to another. To a new epoch it goes through `pending`. */
export function maySessionGo(from: SessionStatus, to: SessionStatus): boolean {
  return (SESSION_STATES[from].next as readonly string[]).includes(to);
}

/**
 * Container states. A container never goes back to a lower `order` within an epoch. One that waits for its restart stays
 * `running`, with a reason: `exited` is final.
 */
export const CONTAINER_STATES = {
  pending: { order: 0 },
  pulling: { order: 1 },
  prepared: { order: 2 },
  started: { order: 3 },
  running: { order: 4 },
  exited: { order: 5 },
  lost: { order: 5 },
  removed: { order: 6 },
} as const satisfies Record<string, { order: number }>;

export type ContainerStatus = keyof typeof CONTAINER_STATES;
export const CONTAINER_STATUSES = Object.keys(CONTAINER_STATES) as [ContainerStatus, ...ContainerStatus[]];

/** The phases that a session asks of a node, in order. It may ask for `removed` at any time, and `removed` is final. */
export const PHASES = ["prepared", "started", "running", "removed"] as const;
export type Phase = (typeof PHASES)[number];
