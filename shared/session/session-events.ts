/** The events of a session, as input of `transition`. Times are in ms since 1970. */
import type { End } from "./session-record.ts";

/** A removal begins. Skein waits for disconnected nodes until `giveUpAt`. */
interface RemovalBegins {
  readonly reason: string;
  readonly at: number;
  readonly giveUpAt: number;
}

/** Event → its fields. */
export interface SessionEvents {
  /** Fleet has reserved a plan, and its nodes are asked to prepare. */
  begun: { readonly epoch: number; readonly at: number };
  /** A node reported during preparation. */
  progressed: { readonly at: number };
  /** Every node has prepared its part. */
  prepared: { readonly at: number };
  /** All is ready for `started`, but the gate is manual and its opening was not requested yet. */
  gateReached: { readonly at: number };
  /** The opening of a manual gate is requested, also before its time. */
  startRequested: { readonly at: number };
  /** Every node has started its containers and proven its network and SSH: the gate opens, and commands may start. */
  started: { readonly at: number };
  /** Every node has opened its gate. */
  running: { readonly runsUntil: number | null };
  /** The API was away when `maxDuration` was over: nodes get until then to report an end that came before. */
  timeExtended: { readonly runsUntil: number };

  /** A node's lease is over, and the session goes on without it (`onNodeLoss: "keep"`). */
  nodeLost: { readonly node: string; readonly reason: string };
  nodeReturned: { readonly node: string };
  /** The API was away: the session's present wait begins again. */
  waitRestarted: { readonly at: number };

  /** The network conflicts on a node: the next plan has another one. */
  replanned: RemovalBegins;
  /** A creation failed: the next plan avoids the nodes at fault. It uses one of the request's retries. */
  retried: RemovalBegins & { readonly atFault: readonly string[] };
  /** The session was ended, or it failed, or `main1` has ended. `hold`: its containers stay for so many seconds before they are removed. */
  ended: RemovalBegins & { readonly outcome: End; readonly exitCode?: number; readonly hold?: number };
  /** The hold is over, or no longer wanted: the removal begins. */
  released: { readonly at: number; readonly giveUpAt: number };

  /** A node confirmed that nothing of its part is left. */
  partRemoved: object;
  /** A node is lost: Skein no longer waits for disconnected nodes. */
  graceEnded: { readonly at: number };
  /** Skein gave up disconnected nodes. At `askAgainAt` it asks whether the others are still connected. */
  gaveUp: { readonly askAgainAt: number };
  /** Connected nodes took too long; `reason` is added to the session's. */
  removalTimedOut: { readonly reason: string };
  /** Skein no longer waits for any part. */
  removed: { readonly at: number };

  /** Fleet knows that the session needs another plan. */
  requeued: object;
  /** Fleet knows the end: what the session held is free. */
  terminated: object;
  failed: object;
}

export type EventKind = keyof SessionEvents;
export type SessionEvent<K extends EventKind = EventKind> = {
  [P in K]: { readonly kind: P } & SessionEvents[P];
}[K];
