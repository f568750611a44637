/** The request for a session as zod schemas: a source of the OpenAPI document. */
import { z } from "zod";
import { AppRequest } from "../apps/app-schemas.ts";
import { CONSTANTS } from "../settings/constants.ts";
import { SshKeys } from "../ssh/ssh-schemas.ts";
import { DnsLabel, HostPath, Text } from "../text/text-schemas.ts";
import {
  Argv,
  Env,
  FrameworksRequest,
  ImageName,
  ResourcesRequest,
  RoleName,
  SecretEnv,
  UlimitsRequest,
} from "./container-schemas.ts";

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
  secretEnv: SecretEnv.optional(),
  resources: ResourcesRequest.optional(),
  ulimits: UlimitsRequest.optional(),
  frameworks: FrameworksRequest.optional(),
  mounts: z
    .array(
      z.strictObject({
        source: HostPath.meta({ description: "What is mounted: a path of the node", example: "/data" }),
        target: HostPath.regex(
          /^(?!\/(\.skein|etc|proc|sys|dev)(\/|$))/,
          "must lie outside /.skein, /etc, /proc, /sys and /dev",
        ).meta({ description: "Where the container has it", example: "/data" }),
        readOnly: z.boolean().default(true).meta({
          description: "Read-only, and without what is mounted below it on the node. true unless given",
          example: true,
        }),
      }),
    )
    .max(64)
    .meta({ description: "Files and folders of the node. Only on nodes that allow it" })
    .optional(),
  devices: z
    .array(HostPath)
    .max(64)
    .meta({
      description: "Devices of the node, or folders of devices. Only on nodes that allow it",
      example: ["/dev/infiniband"],
    })
    .optional(),
  privileged: z
    .boolean()
    .meta({
      description:
        "The container may do all that root may do on the node itself. Only on nodes that allow it. false unless given",
      example: false,
    })
    .optional(),
  hostNetwork: z
    .boolean()
    .meta({
      description:
        "The container uses its node's own network, and keeps its name and address in the session. Its user must be root. Only on nodes that allow it. false unless given",
      example: false,
    })
    .optional(),
  onExit: z
    .enum(["fail", "ignore", "restart"])
    .meta({
      description:
        "What happens when a container of a running session ends. fail: the session ends with main1, and fails when another container ends with a code other than 0. ignore: the session goes on, also without main1. restart: a container that ends with a code other than 0 is started again, maxRestarts times with growing pauses; otherwise as fail. fail unless given",
      example: "restart",
    })
    .optional(),
  maxRestarts: z
    .int()
    .min(1)
    .max(CONSTANTS.mostRestarts)
    .meta({
      description: `How often each container is started again, with onExit restart. After that, its end counts as with fail. ${CONSTANTS.defaultRestarts} unless given`,
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
    description:
      "A role inherits what it leaves out: env, secretEnv, resources, ulimits and frameworks key by key, the rest whole",
  });

export const SessionRequest = z
  .strictObject({
    name: DnsLabel.meta({
      description: "Unique among the live sessions of the project; Skein chooses one when it is left out",
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
      .meta({ description: "1 main and N-1 sub; excludes roles; 1 unless given", example: 4 })
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
          .meta({ description: "Evenly over the nodes, or on as few as possible", example: "spread" }),
        labels: z
          .record(Text, Text)
          .default({})
          .meta({ description: "Labels a node must have", example: { zone: "a" } }),
      })
      .meta({ description: "Which nodes, and how they are filled", example: { strategy: "pack" } })
      .optional(),
    sshKeys: SshKeys.optional(),
    apps: z
      .array(AppRequest)
      .max(16)
      .meta({ description: "Web servers in main1, each of which gets an origin of its own (docs/apps.md)" })
      .optional(),
    priority: z.int().min(0).max(9).default(5).meta({
      description:
        "While there is no room, sessions with a higher priority are served first; among equals, those that came first",
      example: 7,
    }),
    retries: z.int().min(0).max(10).default(0).meta({
      description:
        "How often a session whose creation fails on a node is planned again, without that node where others have room",
      example: 2,
    }),
    onNodeLoss: z.enum(["fail", "keep"]).default("fail").meta({
      description:
        "When a node is lost while the session runs: fail, or go on and show the containers on it as lost",
      example: "keep",
    }),
    gate: z.enum(["auto", "manual"]).default("auto").meta({
      description:
        "manual: once everything is ready, the commands wait until POST /v1/sessions/{id}/start, so that files can be put in first. The status stays starting, with the reason `waits for start`",
      example: "manual",
    }),
    holdAtEnd: z.int().min(1).max(CONSTANTS.longestHoldSeconds).optional().meta({
      description:
        "Seconds that the containers stay after main1's command has ended, whatever its exit code, so that its files can be read. The status is terminating meanwhile, and ending the session removes them at once. Not where the session ends otherwise",
      example: 600,
    }),
    maxDuration: z.int().min(1).max(CONSTANTS.longestSeconds).optional().meta({
      description:
        "Seconds that the session may run, from running on. Then it fails, and its containers are killed. Without it there is no limit",
      example: 3600,
    }),
    queueTimeout: z.int().min(1).max(CONSTANTS.longestSeconds).optional().meta({
      description:
        "Seconds that the session may wait for room, or for nodes that could ever hold it. Then it fails, and its reason says what it waited for. Without it there is no limit",
      example: 600,
    }),
  })
  .meta({ id: "SessionRequest" });
export type SessionRequest = z.infer<typeof SessionRequest>;
