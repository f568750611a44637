/** A plan as the API answers it, as a zod schema: a source of the OpenAPI document. */
import { z } from "zod";
import { App } from "../apps/app-schemas.ts";
import { NetworkView } from "../network/network-view.ts";
import { Resources } from "../request/resources.ts";
import { Limits } from "./limits.ts";

/** Which container of its session it is. */
export const replicaFields = {
  host: z.string().meta({ description: "Role and 1-based index", example: "sub1" }),
  role: z.string().meta({ description: "The role", example: "sub" }),
  index: z.int().meta({ description: "1-based within the role", example: 1 }),
  rank: z.int().meta({ description: "0-based over the session; main1 is 0", example: 1 }),
};

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
          ...replicaFields,
          nodeId: z.string().meta({ description: "The node", example: "node_01jd" }),
          node: z.string().meta({ description: "The node's name", example: "gpu-a" }),
          address: z.string().meta({ description: "On the session's network", example: "10.64.0.3" }),
          image: z.string().meta({ description: "The image", example: "debian:12" }),
          command: z
            .array(z.string())
            .nullable()
            .meta({ description: "null: the image's, or idle", example: ["python", "train.py"] }),
          env: z.record(z.string(), z.string()).meta({
            description:
              "The user's and Skein's. Skein's variables for launchers (docs/frameworks.md) give way to the image's own, which only the nodes know. BACKENDAI_CLUSTER_LOCAL_RANK is the rank in the whole session, not on a node",
            example: { BACKENDAI_CLUSTER_SIZE: "4" },
          }),
          files: z.array(z.string()).meta({
            description: "Files for launchers in it; an own file of the image or of a mount stays",
            example: ["/.skein/self/hostfile"],
          }),
          resources: Resources,
          limits: Limits,
        }),
      )
      .meta({ description: "In rank order" }),
    apps: z.array(App).meta({ description: "Web servers in main1" }),
    files: z
      .array(
        z.object({
          path: z.string().meta({ description: "In the containers", example: "/.skein/self/hostfile" }),
          text: z.string().meta({ description: "What it says", example: "main1 slots=2\nsub1 slots=2\n" }),
        }),
      )
      .meta({ description: "The files for launchers, which are alike in all containers that have them" }),
  })
  .meta({ id: "Plan" });
export type PlanView = z.infer<typeof PlanView>;
