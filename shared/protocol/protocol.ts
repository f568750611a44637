/**
 * Every message between the API and an agent, in one file. JSON text frames over one WebSocket. The API sends desired state, the agent
 * reports observed state, and repeating either does no harm.
 *
 * Version history (one integer; each side sends the range it speaks, and the highest common one counts):
 *   1  2026-11-24  first version
 *   2  2026-11-26  an assignment is sent once per epoch, as layout and part; hello says what the node has; addresses as differences
 *   3  2026-11-26  `tunnel`: the agent opens a tunnel for a session's streams (shared/streams); the layout says which logs the node keeps
 *   4  2026-11-27  `secretEnv` of a part; `registries`: images that are checked with the project's credentials;
 *                  `sshKeys`: users' keys that may log in to every container, also ones that came while the session ran
 */
import { z } from "zod";
import { parseRange } from "../network/address-ranges.ts";
import { Capacity, Facts } from "../node/node-schemas.ts";
import { CONTAINER_STATUSES, PHASES } from "../session/lifecycle.ts";
import { CONSTANTS } from "../settings/constants.ts";
import { LOGIN_NAME } from "../ssh/login-name.ts";
import { MOST_SSH_KEYS, SshKeys } from "../ssh/ssh-schemas.ts";
import { Host, Id, Layout, Part, PublicKey, SessionKeys } from "./assignment.ts";

export const PROTOCOL = { min: 4, max: 4 } as const;

/** Close codes (RFC 6455 leaves 4000-4999 to applications). `retry`: whether the agent dials again. */
export const CLOSE = {
  badMessage: { code: 4000, retry: true, reason: "message not understood" },
  badSignature: { code: 4001, retry: false, reason: "the node's key does not match" },
  unknownNode: { code: 4004, retry: false, reason: "this fleet does not know the node" },
  replaced: { code: 4009, retry: false, reason: "a newer connection of this node took over" },
  protocol: { code: 4010, retry: false, reason: "no protocol version in common" },
  resync: { code: 4011, retry: true, reason: "state must be sent again" },
} as const;

/** Keep-alive frames: the platform answers them without waking the object. */
export const PING = "ping";
export const PONG = "pong";

/** The text that a node signs to prove its key: bound to fleet, node and this connection's nonce, so it is valid nowhere else. */
export function connectProof(fleet: string, node: string, nonce: string): string {
  return ["skein-connect-v1", fleet, node, nonce].join("\n");
}

/** The text that a node's new key signs: bound to the connection that the old key has proven. */
export function rotateProof(fleet: string, node: string, nonce: string): string {
  return ["skein-rotate-v1", fleet, node, nonce].join("\n");
}

const Range = z.object({ min: z.int(), max: z.int() });
const Epoch = z.int().min(1);

/** A container's public keys. */
export const Identity = z.object({
  host: Host,
  user: z.string().regex(LOGIN_NAME),
  hostKey: PublicKey,
  userKey: PublicKey,
});
export type Identity = z.infer<typeof Identity>;

/** How many of a session's users' keys: the list only grows, so the number says which ones. Missing: none. */
const SshKeyCount = z.int().min(0).max(MOST_SSH_KEYS).optional();

/** Why a node cannot do its part. */
export const Failure = z.object({
  code: z.enum(["image", "network_conflict", "disk_full", "create", "start", "proof", "internal"]),
  host: Host.optional(),
  message: z.string().max(4096),
});
export type Failure = z.infer<typeof Failure>;

export const ContainerReport = z.object({
  host: Host,
  status: z.enum(CONTAINER_STATUSES),
  containerId: z.string().max(128).optional(),
  exitCode: z.int().optional(),
  output: z
    .string()
    .max(CONSTANTS.outputBytes * 4)
    .optional(),
  reason: z.string().max(4096).optional(),
});
export type ContainerReport = z.infer<typeof ContainerReport>;

/** Everything that a node observes of one session. Always complete, so a report may be lost, late or repeated. */
export const Report = z.object({
  type: z.literal("report"),
  session: Id,
  epoch: Epoch,
  /** The last phase reached; `none` before `prepared`. */
  phase: z.enum(["none", ...PHASES]),
  containers: z.array(ContainerReport),
  /** Sent while the phase is `prepared`: once all nodes are prepared, the session's keys are final. */
  identities: z.array(Identity).optional(),
  failure: Failure.optional(),
  /** So many of the users' keys may log in to this node's containers. */
  sshKeys: SshKeyCount,
});
export type Report = z.infer<typeof Report>;

/** An assignment that the node has on its disk; `keys`: with the session's public keys; `sshKeys`: so many keys of users. */
export const Held = z.object({ session: Id, epoch: Epoch, keys: z.boolean(), sshKeys: SshKeyCount });
export type Held = z.infer<typeof Held>;

/** A registry that private images come from. Without `login` the project has no credentials for it. */
export const Registry = z.object({
  host: z.string(),
  login: z.object({ username: z.string(), password: z.string() }).optional(),
});
export type Registry = z.infer<typeof Registry>;

export const Hello = z.object({
  type: z.literal("hello"),
  protocol: Range,
  fleet: Id,
  node: Id,
  /** Ed25519 (RFC 8032) over `connectProof`, base64url. */
  signature: z.string().max(128),
  /** New for each boot of the machine. */
  bootId: z.string().max(64),
  address: z.ipv4(),
  capacity: Capacity,
  facts: Facts,
  /** The API sends again what is missing here. */
  has: z.array(Held).max(4096),
  /** Number of the last join or leave that the node has applied (see `nodes`); 0: none. */
  nodes: z.int().min(0),
});
export type Hello = z.infer<typeof Hello>;

/** The node's facts changed (a route, a Docker network, a device). */
export const FactsChanged = z.object({ type: z.literal("facts"), capacity: Capacity, facts: Facts });

/** Replaces the node's key by this one. The agent keeps both until it knows which of them counts. */
export const Rotate = z.object({
  type: z.literal("rotate"),
  /** Raw Ed25519 (RFC 8032), base64url. */
  publicKey: z.string().max(64),
  /** By the new key over `rotateProof`, base64url. */
  signature: z.string().max(128),
});
export type Rotate = z.infer<typeof Rotate>;

export const AgentMessage = z.discriminatedUnion("type", [Hello, Report, FactsChanged, Rotate]);
export type AgentMessage = z.infer<typeof AgentMessage>;

/** First frame on a connection: who the API is, and the nonce to sign. */
export const Challenge = z.object({
  type: z.literal("challenge"),
  protocol: Range,
  fleet: Id,
  nonce: z.string().max(256),
});
export type Challenge = z.infer<typeof Challenge>;

/**
 * What the API wants of one session on this node. `layout` and `part` come with the first frame of an epoch, `keys` (of all the session's
 * containers) with the first `started`, `sshKeys` when the node has fewer; other frames are a few bytes. A node that lacks one of the first
 * three closes the link with `resync`, and gets everything again.
 */
export const Assign = z
  .object({
    type: z.literal("assign"),
    session: Id,
    epoch: Epoch,
    phase: z.enum(PHASES),
    /** With `removed`: kill at once instead of SIGTERM and 10 s. */
    force: z.boolean().optional(),
    layout: Layout.optional(),
    part: Part.optional(),
    keys: SessionKeys.optional(),
    /**
     * With each `prepared`, since the node does not store them: the registries of its images for which the project has credentials, and
     * those for which another project has.
     */
    registries: z.array(Registry).optional(),
    /** All the users' keys so far: later frames of a session have the same ones, and may have more behind them. */
    sshKeys: SshKeys.optional(),
  })
  .refine(({ layout, part }) => (layout === undefined) === (part === undefined), {
    path: ["part"],
    message: "must come with the layout",
  })
  .refine(({ layout, part }) => !layout || !part || part.place < layout.nodes.length, {
    path: ["part", "place"],
    message: "must be a node of the layout",
  })
  .refine(({ layout, keys }) => !layout || !keys || layout.members.length === keys.length, {
    path: ["keys"],
    message: "must be as many as the layout has members",
  });
export type Assign = z.infer<typeof Assign>;

/** The link is up. `assignments` is complete: the agent removes everything else that carries the labels of this fleet and node. */
export const Welcome = z.object({
  type: z.literal("welcome"),
  protocol: z.int(),
  /** Counts this node's connections. */
  connection: z.int(),
  /**
   * If this link breaks without a close frame, the agent waits a random part of these milliseconds before it dials. All agents may have
   * lost their links at once.
   */
  redialMs: z.int().min(0).max(60_000),
  assignments: z.array(Assign),
});
export type Welcome = z.infer<typeof Welcome>;

/** From now on the API accepts only this key for the node. */
export const Rotated = z.object({ type: z.literal("rotated"), publicKey: z.string() });
export type Rotated = z.infer<typeof Rotated>;

/** `192.0.2.1`, or `192.0.2.1-192.0.2.9` with both ends included. */
const AddressRange = z
  .string()
  .max(31)
  .refine((text) => parseRange(text) !== undefined, "must be an IPv4 address or a range of them");

/**
 * Addresses of the fleet's nodes, including this one: no container may reach them. A node gets them before its first assignment; while it
 * has work it gets each join and leave. A message holds the difference between the changes `since` and `number`. `since` 0: the whole list.
 */
export const Nodes = z.object({
  type: z.literal("nodes"),
  since: z.int().min(0),
  number: z.int().min(0),
  added: z.array(AddressRange),
  removed: z.array(AddressRange),
});
export type Nodes = z.infer<typeof Nodes>;

/** The agent opens a tunnel for this session, unless it has one: a client wants to reach its containers here, or read their logs. */
export const TunnelWanted = z.object({ type: z.literal("tunnel"), session: Id });
export type TunnelWanted = z.infer<typeof TunnelWanted>;

export const ApiMessage = z.discriminatedUnion("type", [
  Challenge,
  Welcome,
  Assign,
  Rotated,
  Nodes,
  TunnelWanted,
]);
export type ApiMessage = z.infer<typeof ApiMessage>;
