/** The life of a session, a container and a node as data: which states there are and what each allows. */

/** Session states in the order they are passed; `next` is where a state may go, never backwards within an epoch. */
export const SESSION_STATES = {
  pending: { next: ["preparing", "terminating", "terminated", "failed"], live: true, settled: false },
  preparing: { next: ["starting", "terminating", "pending"], live: true, settled: false },
  starting: { next: ["running", "terminating", "pending"], live: true, settled: false },
  running: { next: ["terminating"], live: true, settled: true },
  terminating: { next: ["terminated", "failed"], live: true, settled: false },
  terminated: { next: [], live: false, settled: true },
  failed: { next: [], live: false, settled: true },
} as const satisfies Record<string, { next: readonly string[]; live: boolean; settled: boolean }>;

export type SessionStatus = keyof typeof SESSION_STATES;
export const SESSION_STATUSES = Object.keys(SESSION_STATES) as [SessionStatus, ...SessionStatus[]];

/** May a session go from one state to another? A step to a new epoch goes through `pending`. */
export function maySessionGo(from: SessionStatus, to: SessionStatus): boolean {
  return (SESSION_STATES[from].next as readonly string[]).includes(to);
}

/**
 * Container states; a container never goes back to a lower `order` within an epoch. One that is to be started again stays
 * `running` meanwhile, with a reason: `exited` is an end for good.
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

/** What a session asks of a node's part of it, in order; `removed` may be asked at any time and is final. */
export const PHASES = ["prepared", "started", "running", "removed"] as const;
export type Phase = (typeof PHASES)[number];

export const NODE_STATUSES = ["ready", "disconnected", "lost"] as const;
export type NodeStatus = (typeof NODE_STATUSES)[number];
