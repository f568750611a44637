/** Nodes and how they join, as zod schemas: a source of the OpenAPI document. */
import { z } from "zod";
import { DnsLabel, HostPath, Time } from "../text/text-schemas.ts";
import { UlimitsView } from "./ulimits.ts";

export const NODE_STATUSES = ["ready", "disconnected", "lost"] as const;
export type NodeStatus = (typeof NODE_STATUSES)[number];

export const Capacity = z
  .object({
    cpu: z.number().min(0).meta({ description: "Cores", example: 16 }),
    memory: z.int().min(0).meta({ description: "Bytes", example: 68719476736 }),
    gpu: z.int().min(0).meta({ description: "GPUs", example: 4 }),
  })
  .meta({ id: "Capacity" });
export type Capacity = z.infer<typeof Capacity>;

/** What the node's operator lets containers use of the node itself (`skein agent --allow`). Containers have no other access to it. */
export const Allowed = z
  .object({
    mounts: z
      .array(
        z.object({
          source: HostPath.meta({ description: "Exactly this path, nothing below it", example: "/data" }),
          readOnly: z.boolean().meta({ description: "Only to be read", example: true }),
        }),
      )
      .max(32)
      .meta({ description: "What may be mounted" }),
    devices: z
      .array(HostPath)
      .max(32)
      .meta({ description: "Devices, or folders of devices", example: ["/dev/infiniband"] }),
    privileged: z.boolean().meta({ description: "Containers that may do all that root may", example: false }),
    hostNetwork: z.boolean().meta({ description: "Containers on the node's own network", example: false }),
  })
  .meta({ id: "Allowed", description: "What containers may have of the node itself" });
export type Allowed = z.infer<typeof Allowed>;

/** Printable ASCII is one byte each as JSON: all facts of an agent must fit in a database row of at most 2 MB. */
const GRAPHIC = "must be printable ASCII without spaces";

/** The facts that an agent reports of its machine; the planner reads `allows`, `ulimits`, `gpuIds`, `usedSubnets`, `usedVnis` and `mtu`. */
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
    addresses: z
      .array(z.ipv4())
      .max(64)
      .meta({
        description: "All that the machine answers at, the node's address and those of bridges aside",
        example: ["198.51.100.11"],
      }),
    allows: Allowed,
    ulimits: UlimitsView.optional().meta({
      description: "The most that its engine can give to containers; missing: not known",
      example: { memlock: "unlimited", nofile: 1048576 },
    }),
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
    usedVnis: z
      .array(
        z.object({
          vni: z.int().min(0).max(0xffffff).meta({ description: "VXLAN network identifier", example: 42 }),
          port: z.int().min(0).max(65535).meta({ description: "UDP port of the device", example: 4789 }),
        }),
      )
      .max(4096)
      .default([])
      .meta({
        description: "VXLAN devices of something else: the kernel takes each VNI once per UDP port",
        example: [{ vni: 42, port: 4789 }],
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
