/**
 * Every message between the objects, in one file. There is no transaction over two objects: each message may come
 * twice, or late, so each is numbered or says the whole, and each receiver takes it any number of times.
 */
import type { ErrorCode, Problem } from "../../shared/errors/errors.ts";
import { SkeinError } from "../../shared/errors/errors.ts";
import type { Capacity, Facts } from "../../shared/node/node-schemas.ts";
import type { Plan } from "../../shared/plan/plan.ts";
import type { SessionSpec } from "../../shared/request/spec.ts";
import type { NodeStatus, SessionStatus } from "../../shared/session/lifecycle.ts";

/** Who asks for a change: for the audit log (shared/access/access-schemas.ts, AuditEntry). */
export interface By {
  actor: string | null;
  project: string | null;
}

/** What was looked for in a project; `elsewhere`: another project has it, which only the audit log may tell. */
export type Lookup<T> = { found: T; elsewhere?: never } | { found?: never; elsewhere: boolean };

/** Edge → Refusals → Fleet: a request that was refused. `number` counts within one life of the Refusals object. */
export interface Refusal extends By {
  number: number;
  /** ms since 1970. */
  at: number;
  action: string;
  target: string | null;
  status: number;
  code: string;
}

/** Fleet → Node: where the fleet's nodes are, after the how manieth join or leave. */
export interface NodeAddresses {
  change: number;
  addresses: string[];
}

/** A plan that Fleet has reserved. */
export interface Start {
  epoch: number;
  plan: Plan;
}

/** Fleet → Session. */
export type FleetMessage =
  | {
      kind: "create";
      id: string;
      project: string;
      name: string;
      spec: SessionSpec;
      /** RFC 3339. */
      createdAt: string;
    }
  | ({ kind: "begin" } & Start)
  /** The node was taken out of the fleet by force: it will never confirm anything. */
  | { kind: "nodeGone"; node: string; name: string }
  /** The node's lease is over; `seconds` since it was last heard of. */
  | { kind: "nodeLost"; node: string; name: string; seconds: number };

/** Session → Fleet: the whole; a lower `number` is void. */
export interface SessionNews {
  id: string;
  number: number;
  status: SessionStatus;
  epoch: number;
  /** Nodes that have confirmed that nothing is left: what they held is free. */
  removed: { epoch: number; node: string }[];
  /** The plan of `epoch` did not work out; another is wanted. */
  replan: boolean;
  /** Nodes at fault so far: the next plan does without them, where others have room. */
  avoid: string[];
}

/** Node → Fleet: the whole; a lower `number` is void. `said` is there while it is ready. */
export interface NodeNews {
  id: string;
  number: number;
  status: NodeStatus;
  /** When the node was last heard of; ms since 1970. */
  seenAt: number;
  said?: { address?: string; capacity: Capacity; facts: Facts };
}

/**
 * Node → Fleet: the agent on a connection that `from` has proven replaces that key. Void where another key counts by now, or where
 * Fleet has news of a later connection: their numbers are `before` or greater.
 */
export interface KeyRotation {
  id: string;
  before: number;
  from: string;
  to: string;
}

/** What a Node must know of itself before it lets an agent in. */
export interface NodeIdentity {
  fleet: string;
  /** Raw Ed25519, base64url. */
  publicKey: string;
}

/** What an object answers where it may refuse: an error's own fields do not survive a call between objects. */
export type Answer<T> = { value: T; refused?: never } | { value?: never; refused: Refused };

export interface Refused {
  code: ErrorCode;
  detail: string;
  extra: Pick<Problem, "errors" | "nodes" | "retryAfter">;
}

/** Turns a SkeinError thrown by `work` into a refusal. */
export function answer<T>(work: () => T): Answer<T> {
  try {
    return { value: work() };
  } catch (error) {
    if (!(error instanceof SkeinError)) throw error;
    return { refused: { code: error.code, detail: error.message, extra: error.extra } };
  }
}

/** The value, or the refusal thrown again. */
export function unwrap<T>(answered: Answer<T>): T {
  const { refused } = answered;
  if (refused) throw new SkeinError(refused.code, refused.detail, refused.extra);
  return answered.value as T;
}
