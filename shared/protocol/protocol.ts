/**
 * Every message between the API and an agent, in one file. JSON text frames over one WebSocket; the API sends
 * desired state, the agent reports observed state, and either may be repeated at any time without harm.
 *
 * Version history (one integer; each side says the range it speaks, the highest common one is used):
 *   1  2026-11-24  first version
 */
import { z } from "zod";
import { Capacity, Facts } from "../node/node-schemas.ts";
import { ImageName } from "../request/request-schemas.ts";
import { HostPath } from "../request/text-schemas.ts";
import { CONTAINER_STATUSES, PHASES } from "../session/lifecycle.ts";
import { CONSTANTS } from "../settings/constants.ts";

export const PROTOCOL = { min: 1, max: 1 } as const;

/** Close codes (RFC 6455 leaves 4000-4999 to applications). `retry`: whether the agent dials again. */
export const CLOSE = {
  badMessage: { code: 4000, retry: true, reason: "message not understood" },
  badSignature: { code: 4001, retry: false, reason: "the node's key does not match" },
  unknownNode: { code: 4004, retry: false, reason: "this fleet does not know the node" },
  replaced: { code: 4009, retry: false, reason: "a newer connection of this node took over" },
  protocol: { code: 4010, retry: false, reason: "no protocol version in common" },
  resync: { code: 4011, retry: true, reason: "state must be told again" },
} as const;

/** Keep-alive frames that no code sees: the edge answers them without waking the object. */
export const PING = "ping";
export const PONG = "pong";

/** What a node signs to prove its key: bound to fleet, node and this connection's nonce, so it fits nowhere else. */
export function connectProof(fleet: string, node: string, nonce: string): string {
  return ["skein-connect-v1", fleet, node, nonce].join("\n");
}

/** What a node's new key signs to prove that the node has it: bound to the connection that the old key has proven. */
export function rotateProof(fleet: string, node: string, nonce: string): string {
  return ["skein-rotate-v1", fleet, node, nonce].join("\n");
}

/** Of a session, node or fleet. It becomes part of keys, paths, interface aliases and labels. */
const Id = z.string().regex(/^[\w-]{1,64}$/, "must be an id: 1 to 64 letters, digits, _ and -");
/** Role and index. It becomes a line of hosts files and SSH configurations, and a directory. */
const Host = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be a host like main1");
/** A login name that ssh_config(5), passwd(5) and a shell's `ssh NAME@host` all take for what it is; Dropbear takes 99 characters. */
export const LOGIN_NAME = /^[\p{L}\p{N}_.][\p{L}\p{N}_.@$+-]{0,98}$/u;

const Range = z.object({ min: z.int(), max: z.int() });

/** One container as its node is told to make it. `env` is complete except for the image's own. */
export const ContainerSpec = z.object({
  host: Host,
  role: z.string(),
  rank: z.int(),
  address: z.ipv4(),
  image: ImageName,
  command: z.array(z.string()).optional(),
  entrypoint: z.array(z.string()).optional(),
  user: z.string().optional(),
  workdir: z.string().optional(),
  env: z.record(z.string(), z.string()),
  /** Cores; bytes; bytes; Docker device ids. */
  resources: z.object({
    cpu: z.number().optional(),
    memory: z.int().optional(),
    shm: z.int().optional(),
    gpuIds: z.array(z.string()),
  }),
  /** What it has of its node itself; the node refuses what it does not allow. */
  mounts: z.array(z.object({ source: HostPath, target: HostPath, readOnly: z.boolean() })).optional(),
  devices: z.array(HostPath).optional(),
  privileged: z.literal(true).optional(),
  /** On the node's own network, where it serves SSH at its address in the session. */
  hostNetwork: z.literal(true).optional(),
  /** How often it is started again when it ends with another code than 0; missing: never. Until that is used up it is not `exited`. */
  maxRestarts: z.int().min(1).optional(),
});
export type ContainerSpec = z.infer<typeof ContainerSpec>;

/** Every container of the session, on whatever node: for hosts files, static FDB and neighbour entries. */
export const Member = z.object({
  host: Host,
  address: z.ipv4(),
  nodeId: Id,
  /** It is on its node's own network: the node answers at its address. */
  onNode: z.literal(true).optional(),
});
export type Member = z.infer<typeof Member>;

/** Another node of the session. `gateway` is its address inside the subnet. */
export const PeerNode = z.object({ nodeId: Id, vtep: z.ipv4(), gateway: z.ipv4() });
export type PeerNode = z.infer<typeof PeerNode>;

/** One node's part of one session. Never changes within an epoch. */
export const Assignment = z.object({
  session: Id,
  name: z.string(),
  epoch: z.int().min(1),
  network: z.object({
    driver: z.enum(["bridge", "overlay"]),
    subnet: z.cidrv4(),
    /** This node's own address in the subnet. */
    gateway: z.ipv4(),
    /** This node's VTEP. */
    vtep: z.ipv4(),
    /** Linux gives an interface with IPv4 no less than 68. */
    mtu: z.int().min(68).max(65535),
    vni: z.int().min(1).max(0xffffff).optional(),
    port: z.int().min(1).max(65535),
    egress: z.boolean(),
    /** The other nodes; empty for a bridge. */
    peers: z.array(PeerNode),
  }),
  /** This node's containers. */
  containers: z.array(ContainerSpec),
  /** All containers of the session in rank order. */
  members: z.array(Member),
  /** SSH connections this node has to prove before the gate opens: from one of its containers to these hosts. */
  proofs: z.array(z.object({ from: Host, to: z.array(Host) })),
});
export type Assignment = z.infer<typeof Assignment>;

/** A container's public half: login name and public keys as OpenSSH writes them (`ssh-ed25519 AAAA…`). */
export const Identity = z.object({
  host: Host,
  user: z.string().regex(LOGIN_NAME),
  hostKey: z.string().regex(/^ssh-ed25519 [A-Za-z0-9+/=]+$/),
  userKey: z.string().regex(/^ssh-ed25519 [A-Za-z0-9+/=]+$/),
});
export type Identity = z.infer<typeof Identity>;

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

/** All a node observes of one session: always whole, so a report may be lost, late or repeated. */
export const Report = z.object({
  type: z.literal("report"),
  session: Id,
  epoch: z.int().min(1),
  /** The last phase reached; `none` before `prepared`. */
  phase: z.enum(["none", ...PHASES]),
  containers: z.array(ContainerReport),
  /** From `prepared` on. */
  identities: z.array(Identity).optional(),
  failure: Failure.optional(),
});
export type Report = z.infer<typeof Report>;

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
});
export type Hello = z.infer<typeof Hello>;

/** The node's facts changed (a route, a Docker network, a device). */
export const FactsChanged = z.object({ type: z.literal("facts"), capacity: Capacity, facts: Facts });

/** The node's key is to be replaced by this one; the agent keeps both until it hears which of them counts. */
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
 * What the API wants of one session on this node. `assignment` is there in every phase but `removed`;
 * `identities` (all containers' of the session, in rank order) from `started` on.
 */
export const Assign = z
  .object({
    type: z.literal("assign"),
    session: Id,
    epoch: z.int().min(1),
    phase: z.enum(PHASES),
    assignment: Assignment.optional(),
    identities: z.array(Identity).optional(),
    /** With `removed`: kill at once instead of SIGTERM and 10 s. */
    force: z.boolean().optional(),
  })
  .refine(
    ({ session, epoch, phase, assignment }) =>
      assignment ? assignment.session === session && assignment.epoch === epoch : phase === "removed",
    { path: ["assignment"], message: "must be there, and of this session and epoch" },
  );
export type Assign = z.infer<typeof Assign>;

/** The link is up. `assignments` is the whole truth: what is not in it and bears this fleet and node is removed. */
export const Welcome = z.object({
  type: z.literal("welcome"),
  protocol: z.int(),
  /** Counts this node's connections. */
  connection: z.int(),
  assignments: z.array(Assign),
});
export type Welcome = z.infer<typeof Welcome>;

/** From now on this key is the node's, and the one before is nobody's. */
export const Rotated = z.object({ type: z.literal("rotated"), publicKey: z.string() });
export type Rotated = z.infer<typeof Rotated>;

/** Where the fleet's nodes are, this one included: no container reaches them. After each welcome, and when a node joined or left. */
export const Nodes = z.object({ type: z.literal("nodes"), addresses: z.array(z.ipv4()) });
export type Nodes = z.infer<typeof Nodes>;

export const ApiMessage = z.discriminatedUnion("type", [Challenge, Welcome, Assign, Rotated, Nodes]);
export type ApiMessage = z.infer<typeof ApiMessage>;
