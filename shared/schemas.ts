/** What goes over the HTTP API: requests and answers as zod schemas, the source of the OpenAPI document. */
import { z } from "zod";
import { ROLES } from "./access.ts";
import { CONSTANTS } from "./constants.ts";
import { CONTAINER_STATUSES, NODE_STATUSES, SESSION_STATUSES } from "./lifecycle.ts";

const MAX_INT = Number.MAX_SAFE_INTEGER;

/** RFC 1123 label in lower case. */
export const DnsLabel = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be a DNS label: lower-case letters, digits, hyphens; at most 63",
  );

/** A role's name: starts and ends with a letter, so that role + index is never ambiguous. */
export const RoleName = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,14}[a-z])?$/,
    "must be at most 16 lower-case letters, digits and hyphens, and start and end with a letter",
  );

const ByteSize = z
  .union([
    z.int().min(1).max(MAX_INT),
    z
      .string()
      .regex(/^\d+(\.\d+)?\s*([KMGTkmgt][Ii]?)?[Bb]?$/, 'must be bytes, or a size like "512MiB" or "2GB"'),
  ])
  .meta({
    description: "Bytes, or a size with a unit (KiB, MiB, GiB, TiB, or KB, MB, GB, TB)",
    example: "512MiB",
  });

export const ResourcesRequest = z
  .strictObject({
    cpu: z
      .number()
      .min(0.01, "must be at least 0.01: Linux limits no finer")
      .max(100_000)
      .meta({ description: "Cores; fractions allowed", example: 0.5 })
      .optional(),
    memory: ByteSize.optional(),
    gpu: z.int().min(0).max(1024).meta({ description: "Number of GPUs", example: 1 }).optional(),
    shm: ByteSize.meta({ description: "Size of /dev/shm", example: "1GiB" }).optional(),
  })
  .meta({ id: "ResourcesRequest", description: "What is left out is neither reserved nor limited" });

/** What a Linux process can be given: no NUL; and no lone surrogate, which UTF-8 cannot carry. */
const TEXT = /^[^\0\p{Cs}]*$/u;
const Text = z.string().regex(TEXT, "must be Unicode text without NUL").max(131_072);

const Argv = z.array(Text).max(4096);
const Env = z
  .record(
    z
      .string()
      .regex(/^[^=\s\p{Cc}\p{Cs}]+$/u, "must be a variable name: no =, no space, no control character"),
    Text,
  )
  .meta({
    description: "Environment variables; BACKENDAI_CLUSTER_* and SKEIN_* are Skein's own",
    example: { NCCL_DEBUG: "INFO" },
  });

/** It becomes part of a path of Docker's API: no part of it may be empty, `.` or `..`. */
export const ImageName = z
  .string()
  .min(1)
  .max(4096)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:@-]*(\/[A-Za-z0-9][A-Za-z0-9._:@-]*)*$/,
    "must be an image reference like debian:12",
  );

const what = {
  image: ImageName.meta({ description: "The image each container runs", example: "debian:12" }).optional(),
  command: Argv.meta({
    description: "Replaces the image's CMD; with neither command nor entrypoint a container idles",
    example: ["python", "train.py"],
  }).optional(),
  entrypoint: Argv.meta({
    description: "Replaces the image's ENTRYPOINT",
    example: ["/usr/bin/env"],
  }).optional(),
  user: z
    .string()
    .min(1)
    .max(256)
    .regex(
      /^[^\s:/\p{Cc}\p{Cs}-][^\s:/\p{Cc}\p{Cs}]*(:[^\s:/\p{Cc}\p{Cs}-][^\s:/\p{Cc}\p{Cs}]*)?$/u,
      "must be a user name or UID, optionally with :GROUP",
    )
    .meta({ description: "User, or UID, optionally with :GROUP", example: "1000:1000" })
    .optional(),
  workdir: z
    .string()
    .regex(/^\/[^\p{Cc}\p{Cs}]*$/u, "must be an absolute path")
    .max(4096)
    .meta({ description: "Working directory of the command", example: "/workspace" })
    .optional(),
  env: Env.optional(),
  resources: ResourcesRequest.optional(),
  onExit: z
    .enum(["fail", "ignore", "restart"])
    .meta({
      description:
        "When a container ends after the session came to run. fail: main1's end is the session's, another's fails it unless it is 0. ignore: the session goes on, main1 included. restart: a container that ends with another code than 0 is started again, maxRestarts times with growing pauses; apart from that as fail. fail unless told",
      example: "restart",
    })
    .optional(),
  maxRestarts: z
    .int()
    .min(1)
    .max(CONSTANTS.mostRestarts)
    .meta({
      description: `How often each container is started again in all, with onExit restart; once that is used up, its end counts as with fail. ${CONSTANTS.defaultRestarts} unless told`,
      example: 3,
    })
    .optional(),
};

export const RoleRequest = z
  .strictObject({
    name: RoleName.meta({ description: "The role; one role must be main", example: "worker" }),
    replicas: z
      .int()
      .min(1)
      .max(CONSTANTS.maxContainers)
      .meta({ description: "How many containers", example: 2 }),
    ...what,
  })
  .meta({
    id: "RoleRequest",
    description: "A role inherits what it leaves out: env and resources key by key, the rest whole",
  });

export const SessionRequest = z
  .strictObject({
    name: DnsLabel.meta({
      description: "Unique among the live sessions of the project; made up when left out",
      example: "train",
    }).optional(),
    clusterMode: z
      .enum(["single-node", "multi-node"])
      .default("single-node")
      .meta({ description: "One node and a bridge, or many and an overlay", example: "multi-node" }),
    clusterSize: z
      .int()
      .min(1)
      .max(CONSTANTS.maxContainers)
      .meta({ description: "1 main and N-1 sub; excludes roles; 1 unless told", example: 4 })
      .optional(),
    ...what,
    roles: z
      .array(RoleRequest)
      .min(1)
      .max(CONSTANTS.maxContainers)
      .meta({ description: "Groups of alike containers; excludes clusterSize" })
      .optional(),
    network: z
      .strictObject({
        encryption: z
          .enum(["auto", "required", "none"])
          .default("auto")
          .meta({ description: "Whether traffic between nodes is encrypted", example: "auto" }),
        egress: z
          .boolean()
          .default(true)
          .meta({ description: "Whether containers reach the world", example: true }),
      })
      .meta({ description: "The session's private network", example: { egress: false } })
      .optional(),
    placement: z
      .strictObject({
        strategy: z
          .enum(["spread", "pack"])
          .default("spread")
          .meta({ description: "Evenly over the nodes, or on as few as will do", example: "spread" }),
        labels: z
          .record(Text, Text)
          .default({})
          .meta({ description: "Labels a node must have", example: { zone: "a" } }),
      })
      .meta({ description: "Which nodes, and how they are filled", example: { strategy: "pack" } })
      .optional(),
    priority: z.int().min(0).max(9).default(5).meta({
      description:
        "Where there is no room, those with a higher one are served first; among equals, those that came first",
      example: 7,
    }),
    retries: z.int().min(0).max(10).default(0).meta({
      description:
        "How often a creation that fails on a node is planned anew, without that node where others have room",
      example: 2,
    }),
    onNodeLoss: z.enum(["fail", "keep"]).default("fail").meta({
      description: "When a node is lost while the session runs: fail, or carry on and show its part as lost",
      example: "keep",
    }),
  })
  .meta({ id: "SessionRequest" });
export type SessionRequest = z.infer<typeof SessionRequest>;

export const Resources = z
  .object({
    cpu: z.number().optional().meta({ description: "Cores", example: 2 }),
    memory: z.int().optional().meta({ description: "Bytes", example: 536870912 }),
    gpu: z.int().optional().meta({ description: "GPUs", example: 1 }),
    shm: z.int().optional().meta({ description: "Bytes of /dev/shm", example: 67108864 }),
  })
  .meta({ id: "Resources" });
export type Resources = z.infer<typeof Resources>;

export const NetworkView = z
  .object({
    driver: z.enum(["bridge", "overlay"]).meta({ description: "One node or many", example: "overlay" }),
    subnet: z.string().meta({ description: "CIDR", example: "10.64.0.0/24" }),
    mtu: z.int().meta({ description: "Bytes", example: 1450 }),
    vni: z
      .int()
      .optional()
      .meta({ description: "VXLAN network identifier (overlay only)", example: 8388608 }),
    encryption: z
      .enum(["none"])
      .meta({ description: "How traffic between nodes is encrypted", example: "none" }),
  })
  .meta({ id: "Network" });
export type NetworkView = z.infer<typeof NetworkView>;

const seat = {
  host: z.string().meta({ description: "Role and 1-based index", example: "sub1" }),
  role: z.string().meta({ description: "The role", example: "sub" }),
  index: z.int().meta({ description: "1-based within the role", example: 1 }),
  rank: z.int().meta({ description: "0-based over the session; main1 is 0", example: 1 }),
};

export const ContainerView = z
  .object({
    ...seat,
    nodeId: z.string().nullable().meta({ description: "The node, once planned", example: "node_01jd" }),
    node: z.string().nullable().meta({ description: "The node's name", example: "gpu-a" }),
    address: z
      .string()
      .nullable()
      .meta({ description: "On the session's network, no prefix length", example: "10.64.0.3" }),
    image: z.string().meta({ description: "The image", example: "debian:12" }),
    status: z.enum(CONTAINER_STATUSES).meta({ description: "As its node last reported", example: "running" }),
    containerId: z
      .string()
      .nullable()
      .meta({ description: "Docker's id, once created", example: "4f66ad9a0b2e" }),
    exitCode: z.int().nullable().meta({ description: "Of its last end, once it ended", example: 0 }),
    output: z
      .string()
      .nullable()
      .meta({ description: "The last 4 KiB of its output, once it ended", example: "done\n" }),
    reason: z.string().nullable().meta({
      description: "Progress, what went wrong, or when it is started again",
      example: "pulling: 40%",
    }),
  })
  .meta({ id: "SessionContainer" });
export type ContainerView = z.infer<typeof ContainerView>;

const Time = z.string().meta({ description: "RFC 3339", example: "2026-11-24T12:00:00.000Z" });

export const SessionView = z
  .object({
    id: z.string().meta({ description: "The session's id", example: "ses_01jd8x" }),
    name: z.string().meta({ description: "Unique among the live sessions of its project", example: "train" }),
    status: z.enum(SESSION_STATUSES).meta({ description: "Where it is in its life", example: "running" }),
    reason: z
      .string()
      .nullable()
      .meta({ description: "What it waits for, or why it ended: what, where, what to do", example: null }),
    clusterMode: z
      .enum(["single-node", "multi-node"])
      .meta({ description: "One node or many", example: "multi-node" }),
    clusterSize: z.int().meta({ description: "Containers in all", example: 4 }),
    epoch: z.int().meta({ description: "How often its plan was made", example: 1 }),
    network: NetworkView.nullable().meta({ description: "Once planned" }),
    containers: z.array(ContainerView).meta({ description: "In rank order" }),
    createdAt: Time,
    startedAt: Time.nullable(),
    endedAt: Time.nullable(),
  })
  .meta({ id: "Session" });
export type SessionView = z.infer<typeof SessionView>;

export const PlanView = z
  .object({
    clusterMode: z
      .enum(["single-node", "multi-node"])
      .meta({ description: "One node or many", example: "multi-node" }),
    clusterSize: z.int().meta({ description: "Containers in all", example: 4 }),
    network: NetworkView,
    containers: z
      .array(
        z.object({
          ...seat,
          nodeId: z.string().meta({ description: "The node", example: "node_01jd" }),
          node: z.string().meta({ description: "The node's name", example: "gpu-a" }),
          address: z.string().meta({ description: "On the session's network", example: "10.64.0.3" }),
          image: z.string().meta({ description: "The image", example: "debian:12" }),
          command: z
            .array(z.string())
            .nullable()
            .meta({ description: "null: the image's, or idle", example: ["python", "train.py"] }),
          env: z
            .record(z.string(), z.string())
            .meta({ description: "The user's and Skein's", example: { BACKENDAI_CLUSTER_SIZE: "4" } }),
          resources: Resources,
        }),
      )
      .meta({ description: "In rank order" }),
  })
  .meta({ id: "Plan" });
export type PlanView = z.infer<typeof PlanView>;

export const Capacity = z
  .object({
    cpu: z.number().min(0).meta({ description: "Cores", example: 16 }),
    memory: z.int().min(0).meta({ description: "Bytes", example: 68719476736 }),
    gpu: z.int().min(0).meta({ description: "GPUs", example: 4 }),
  })
  .meta({ id: "Capacity" });
export type Capacity = z.infer<typeof Capacity>;

/** One byte each as JSON: all of an agent's facts must fit in a row of a database, which ends at 2 MB. */
const GRAPHIC = "must be printable ASCII without spaces";

/** What an agent says of its machine; the planner reads `gpuIds`, `usedSubnets` and `mtu`. */
export const Facts = z
  .object({
    os: z.string().max(256).meta({ description: "Operating system", example: "Debian GNU/Linux 12" }),
    kernel: z.string().max(256).meta({ description: "Kernel release", example: "6.1.0-28-amd64" }),
    arch: z.string().max(256).meta({ description: "Machine architecture", example: "x64" }),
    dockerVersion: z.string().max(256).meta({ description: "Docker engine", example: "20.10.24" }),
    agentVersion: z.string().max(256).meta({ description: "Skein agent", example: "0.1.0" }),
    mtu: z
      .int()
      .min(576)
      .max(65535)
      .meta({ description: "MTU of the interface that holds the node's address", example: 1500 }),
    gpuIds: z
      .array(
        z
          .string()
          .regex(/^[\x21-\x7e]*$/, GRAPHIC)
          .max(256),
      )
      .max(1024)
      .meta({ description: "Ids Docker's device requests take", example: ["0", "1"] }),
    usedSubnets: z
      .array(
        z
          .string()
          .regex(/^[\x21-\x7e]*$/, GRAPHIC)
          .max(64),
      )
      .max(4096)
      .meta({
        description: "CIDRs that a session's network must not overlap: routes, resolvers, Docker networks",
        example: ["172.17.0.0/16"],
      }),
  })
  .meta({ id: "Facts" });
export type Facts = z.infer<typeof Facts>;

export const NodeView = z
  .object({
    id: z.string().meta({ description: "The node's id", example: "node_01jd8x" }),
    name: z.string().meta({ description: "Unique in the fleet", example: "gpu-a" }),
    status: z.enum(NODE_STATUSES).meta({ description: "Whether its agent's link is up", example: "ready" }),
    schedulable: z.boolean().meta({ description: "false: cordoned", example: true }),
    labels: z.record(z.string(), z.string()).meta({ description: "For placement", example: { zone: "a" } }),
    address: z.string().meta({ description: "What other nodes reach it at", example: "192.0.2.11" }),
    capacity: Capacity,
    allocated: Capacity,
    facts: Facts,
    lastSeenAt: Time.nullable(),
  })
  .meta({ id: "Node" });
export type NodeView = z.infer<typeof NodeView>;

export const NodePatch = z
  .strictObject({
    schedulable: z
      .boolean()
      .optional()
      .meta({ description: "false cordons the node: nothing new is placed on it", example: false }),
    labels: z
      .record(DnsLabelKey(), z.string().max(256))
      .optional()
      .meta({ description: "Replaces all labels", example: { zone: "a" } }),
  })
  .meta({ id: "NodePatch" });

function DnsLabelKey() {
  return z
    .string()
    .regex(
      /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,251}[A-Za-z0-9])?$/,
      "must be a label key like zone or acme.com/zone",
    );
}

export const AgentJoin = z
  .strictObject({
    joinToken: z.string().min(1).max(256).meta({ description: "Single-use", example: "skj_…" }),
    publicKey: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, "must be a raw Ed25519 public key, base64url")
      .meta({
        description: "Raw Ed25519 public key (RFC 8032), base64url without padding",
        example: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
      }),
    name: DnsLabel.meta({ description: "The node's name", example: "gpu-a" }),
    address: z.ipv4().meta({ description: "What other nodes reach it at", example: "192.0.2.11" }),
    labels: z
      .record(DnsLabelKey(), z.string().max(256))
      .default({})
      .meta({ description: "For placement", example: { zone: "a" } }),
    capacity: Capacity,
    facts: Facts,
  })
  .meta({ id: "AgentJoin" });
export type AgentJoin = z.infer<typeof AgentJoin>;

export const AgentJoined = z
  .object({
    nodeId: z.string().meta({ description: "The node's id", example: "node_01jd8x" }),
    fleet: z.string().meta({ description: "The fleet it joined", example: "flt_01jd8x" }),
  })
  .meta({ id: "AgentJoined" });

export const JoinToken = z
  .object({
    token: z.string().meta({ description: "Give it to one agent", example: "skj_…" }),
    expiresAt: Time,
  })
  .meta({ id: "JoinToken" });

const Role = z.enum(ROLES);

export const TokenRequest = z
  .strictObject({
    project: DnsLabel.meta({ description: "Whose sessions its bearer sees and makes", example: "vision" }),
    role: Role.meta({ description: "What its bearer may do", example: "user" }),
    expiresIn: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "Seconds; 30 days unless told or set otherwise", example: 86400 }),
    note: z
      .string()
      .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must be a line of text")
      .max(256)
      .optional()
      .meta({ description: "What it is for; shown in the list", example: "nightly training" }),
  })
  .meta({ id: "TokenRequest" });

const token = {
  id: z.string().meta({ description: "The token's id: no secret", example: "tok_01jd8x" }),
  project: z.string().meta({ description: "Its project", example: "vision" }),
  role: Role.meta({ description: "Its role", example: "user" }),
};

export const TokenMade = z
  .object({
    ...token,
    token: z.string().meta({ description: "The token itself: shown once, kept nowhere", example: "skt_…" }),
    expiresAt: Time,
  })
  .meta({ id: "TokenMade" });

export const TokenView = z
  .object({
    ...token,
    note: z.string().nullable().meta({ description: "What it is for", example: "nightly training" }),
    createdAt: Time,
    expiresAt: Time,
    revokedAt: Time.nullable(),
  })
  .meta({ id: "Token" });
export type TokenView = z.infer<typeof TokenView>;

export const AuditEntry = z
  .object({
    id: z.int().meta({ description: "Sorts by time, and has no other meaning", example: 3528035249368000 }),
    at: Time,
    actor: z.string().nullable().meta({
      description:
        "Who: a token's id, `admin-token` for the installation's own, `node:NAME` for a node that joined; null where nobody was made out",
      example: "tok_01jd8x",
    }),
    project: z.string().nullable().meta({ description: "Of the actor's token", example: "vision" }),
    action: z.string().meta({ description: "The operationId, or rotateKey", example: "createSession" }),
    target: z.string().nullable().meta({
      description: "Id of what was changed; in a refusal the id or name that was asked for",
      example: "ses_01jd8x",
    }),
    status: z.int().meta({ description: "HTTP status of the answer; from 400 on: a refusal", example: 202 }),
    code: z.string().optional().meta({ description: "A refusal's code", example: "forbidden" }),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof AuditEntry>;

export const ProblemView = z
  .object({
    type: z.string().meta({ description: "URN of the code", example: "urn:skein:error:not_found" }),
    title: z.string().meta({ description: "What the code means", example: "There is no such thing" }),
    status: z.int().meta({ description: "HTTP status", example: 404 }),
    code: z.string().meta({ description: "Stable; see docs/errors.md", example: "not_found" }),
    detail: z.string().meta({ description: "What happened, where, what to do", example: "no session train" }),
    errors: z
      .array(
        z.object({
          field: z.string().meta({ description: "As in the request", example: "roles[0].replicas" }),
          message: z.string().meta({ description: "What to do", example: "must be at least 1" }),
        }),
      )
      .optional()
      .meta({ description: "Each field at fault" }),
    nodes: z
      .array(
        z.object({
          node: z.string().meta({ description: "The node's name", example: "gpu-a" }),
          reason: z.string().meta({ description: "Why not", example: "cordoned" }),
        }),
      )
      .optional()
      .meta({ description: "unschedulable: why not, node by node" }),
    retryAfter: z
      .int()
      .optional()
      .meta({ description: "rate_limited: seconds to wait, as in Retry-After", example: 2 }),
  })
  .meta({ id: "Problem", description: "RFC 9457 problem details" });
