/** Sessions as the API shows them, as zod schemas: a source of the OpenAPI document. */
import { z } from "zod";
import { App } from "../apps/app-schemas.ts";
import { NetworkView } from "../network/network-view.ts";
import { Limits } from "../plan/limits.ts";
import { replicaFields } from "../plan/plan-schema.ts";
import { Time } from "../text/text-schemas.ts";
import { CONTAINER_STATUSES, SESSION_STATUSES } from "./lifecycle.ts";

const SshView = z
  .object({
    user: z.string().meta({ description: "The container's user: the one to log in as", example: "root" }),
    hostKey: z.string().meta({
      description: "Its server's public key, as in known_hosts after the name",
      example: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyZ0sm8EZiGxAUPvNDyvlyYwqiphs5skQu6vd0f5vLb",
    }),
  })
  .meta({ id: "ContainerSsh", description: "What a client of its SSH server needs to know" });

export const ContainerView = z
  .object({
    ...replicaFields,
    nodeId: z.string().nullable().meta({ description: "The node, once planned", example: "node_01jd" }),
    node: z.string().nullable().meta({ description: "The node's name", example: "gpu-a" }),
    address: z
      .string()
      .nullable()
      .meta({ description: "On the session's network, no prefix length", example: "10.64.0.3" }),
    image: z.string().meta({ description: "The image", example: "debian:12" }),
    limits: Limits.nullable().meta({ description: "Once planned" }),
    status: z.enum(CONTAINER_STATUSES).meta({ description: "As its node last reported", example: "running" }),
    ssh: SshView.nullable().meta({ description: "Once its keys are made" }),
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
    apps: z.array(App).meta({ description: "Web servers in main1: see docs/apps.md" }),
    createdAt: Time,
    startedAt: Time.nullable(),
    endedAt: Time.nullable(),
    exitCode: z
      .int()
      .nullable()
      .meta({ description: "main1's, if its end was the session's; else null", example: 0 }),
  })
  .meta({ id: "Session" });
export type SessionView = z.infer<typeof SessionView>;
