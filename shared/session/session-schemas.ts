/** Sessions and plans as the API answers them, as zod schemas: a source of the OpenAPI document. */
import { z } from "zod";
import { Time } from "../request/text-schemas.ts";
import { CONTAINER_STATUSES, SESSION_STATUSES } from "./lifecycle.ts";

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
