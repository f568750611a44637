/**
 * Every message between the objects, in one file. There is no transaction over two objects: a message may come twice, or late. Letters of a
 * mailbox are numbered. Calls carry the whole state, or a number that makes a late one void.
 */
import type { OperationId } from "../../shared/access/access.ts";
import type { App } from "../../shared/apps/app-schemas.ts";
import type { Capacity, Facts } from "../../shared/node/node-schemas.ts";
import type { Plan } from "../../shared/plan/plan.ts";
import type { SessionSpec } from "../../shared/request/spec.ts";
import type { SessionStatus } from "../../shared/session/lifecycle.ts";
import type { ContainerView } from "../../shared/session/session-schemas.ts";

/** Who asks for a change, for the audit log (shared/access/access-schemas.ts, AuditEntry). */
export interface By {
  actor: string | null;
  project: string | null;
}

/** Result of a look-up in a project. `elsewhere`: another project has it, which only the audit log may reveal. */
export type Lookup<T> = { found: T; elsewhere?: never } | { found?: never; elsewhere: boolean };

/** Where a container of a session is. */
export interface Reach {
  /** The session. */
  id: string;
  name: string;
  status: SessionStatus;
  /** All its hosts, in rank order. */
  hosts: string[];
  /** Undefined if it has none of that name. */
  container: ContainerView | undefined;
}

/** An app of a session, as browsers reach it. */
export interface AppReach {
  session: Pick<Reach, "id" | "name" | "status">;
  /** Undefined if the session has none of that name; it has these. */
  app: App | undefined;
  names: string[];
  /** Where main1 is; undefined unless it runs. */
  node: { id: string; name: string } | undefined;
}

/** Refusals → Fleet: a refused request. */
export interface Refusal extends By {
  /** ms since 1970. */
  at: number;
  action: string;
  target: string | null;
  status: number;
  code: string;
}

/** Most refusals that the audit log keeps, and that may be on their way to it. */
export const KEPT_REFUSALS = 1000;

/** Operations that open a way into a container. */
export type WayIn = Extract<
  OperationId,
  "execContainer" | "forwardPort" | "putFiles" | "getFiles" | "createAppLink"
>;

/** A plan that Fleet has reserved. `nodesChange`: the joins and leaves that its nodes must know before they make anything. */
export interface Start {
  epoch: number;
  plan: Plan;
  nodesChange: number;
}

/** Fleet → Session, in order. */
export type ToSession =
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
  /** The node was removed from the fleet by force: it will never confirm anything. */
  | { kind: "nodeGone"; node: string; name: string }
  /** The node's lease is over; `seconds` since its last sign of life. */
  | { kind: "nodeLost"; node: string; name: string; seconds: number }
  /** It waited longer than its `queueTimeout`, and is out of the queue. */
  | { kind: "waitedTooLong"; reason: string }
  /** Its retention is over: the Session deletes everything. */
  | { kind: "forget" };

/** Fleet → others. The joins and leaves for a Link are looked up at delivery. */
export type FromFleet = ToSession | { kind: "dropNode" } | { kind: "nodesChanged" } | { kind: "revoke" };

/** Fleet → Session, on request: a registry for which some project has credentials. `login`: the project's own; its password is sealed. */
export interface StoredRegistry {
  host: string;
  login?: { username: string; password: string };
}

/** What a password is sealed about (seal.ts). */
export function passwordOf(project: string, host: string): string {
  return `registry\n${project}\n${host}`;
}

/** What a session's secrets are sealed about. */
export function secretsOf(project: string): string {
  return `secretEnv\n${project}`;
}

/** Session → Fleet: its state. The newest wins. */
export interface SessionNews {
  id: string;
  status: SessionStatus;
  epoch: number;
  /** JSON of its SessionView, without the containers' output: what lists show. */
  view: string;
  /** Nodes that have confirmed the removal: what they held is free. */
  removed: { epoch: number; node: string }[];
  /** The plan of `epoch` failed; the session needs another. */
  replan: boolean;
  /** Nodes at fault so far: the next plan avoids them if others have room. */
  avoid: string[];
}

/**
 * Session → Link: assignments for nodes there. A frame is `head` plus the parts that the node lacks. Layout and both kinds of keys are the same for all
 * nodes, so they are sent once per Link.
 */
export interface Words {
  session: string;
  nodesChange: number;
  layout?: string;
  keys?: string;
  sshKeys?: string;
  words: Word[];
}

/** `head`: an `assign` message (shared/protocol/protocol.ts) as JSON, without its closing brace. `part`: JSON, to be sent with the layout. */
export interface Word {
  node: string;
  head: string;
  part?: string;
  withKeys: boolean;
  withSshKeys: boolean;
}

/** The frame for one node. */
export function frameOf(
  { head, part, withKeys, withSshKeys }: Word,
  { layout, keys, sshKeys }: Pick<Words, "layout" | "keys" | "sshKeys">,
): string {
  const assignment = part === undefined ? "" : `,"layout":${layout},"part":${part}`;
  return `${head}${assignment}${withKeys ? `,"keys":${keys}` : ""}${withSshKeys ? `,"sshKeys":${sshKeys}` : ""}}`;
}

/** The facts that a node reports when it connects, and whenever they change. */
export interface Said {
  address?: string;
  capacity: Capacity;
  facts: Facts;
}

/** Link → Fleet: an agent has proven this key. */
export interface Connect {
  node: string;
  publicKey: string;
  said: Said;
}

/** Fleet → Link: the node is ready. */
export interface Connected {
  /** Counts the node's connections: messages with a lower number are void. */
  connection: number;
  /** Sessions that hold something on it. */
  sessions: string[];
  /** Number of the last join or leave. */
  nodesChange: number;
  /** Milliseconds over which agents spread their dials if all links break at once. */
  redialMs: number;
}

/** Link → Fleet: the agent on that connection, proven with the key `from`, replaces its key. */
export interface KeyRotation {
  node: string;
  connection: number;
  from: string;
  to: string;
}

/** Link → Fleet, on request: nodes whose links are up, and nodes whose silent links it has just closed. */
export interface LinkSweep {
  up: { node: string; connection: number }[];
  /** `seenAt`: last sign of life, ms since 1970. */
  silent: { node: string; connection: number; seenAt: number }[];
  /** Nodes that have proven their key and wait for Fleet's answer: the next sweep shows whether they are up. */
  connecting: string[];
}

/** Joins and leaves after the change `since`, as addresses or ranges of them; `since` 0: the whole list. */
export interface NodeChanges {
  since: number;
  number: number;
  added: string[];
  removed: string[];
}

/** What a Link must know of a node before it accepts its agent. */
export interface NodeIdentity {
  fleet: string;
  /** Raw Ed25519, base64url. */
  publicKey: string;
}
