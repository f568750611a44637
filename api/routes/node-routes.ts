/** Nodes over HTTP: inventory, cordon, forget. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { NodePatch, NodeView } from "../../shared/node/node-schemas.ts";
import { access } from "../http/auth.ts";
import { readAs } from "../http/body.ts";
import { nextCursor, paging, sliceRequest } from "../http/paging.ts";
import { problems } from "../http/problem.ts";
import { type App, json, withBody } from "../http/route.ts";
import { fleetOf, linkAt, linkNumberOf } from "../platform/objects.ts";

const Id = z.object({ id: z.string().max(256).openapi({ description: "Id, or name", example: "gpu-a" }) });

const Listed = z
  .object({
    items: z.array(NodeView).meta({ description: "Newest first" }),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: "Where the list goes on; null at its end", example: null }),
  })
  .meta({ id: "NodeList" });

const list = createRoute({
  method: "get",
  path: "/v1/nodes",
  ...access("listNodes"),
  tags: ["nodes"],
  summary: "List nodes",
  description: "Newest first: what they have, what of it is allocated, whether their link is up.",
  request: { query: z.object(paging) },
  responses: {
    200: json(Listed, "A page of nodes"),
    ...problems("invalid_request", "unauthorized", "forbidden"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/nodes/{id}",
  ...access("getNode"),
  tags: ["nodes"],
  summary: "Get a node",
  description: "What it has, what of it is allocated, whether its link is up.",
  request: { params: Id },
  responses: {
    200: json(NodeView, "The node"),
    ...problems("invalid_request", "unauthorized", "forbidden", "not_found"),
  },
});

const patch = createRoute({
  method: "patch",
  path: "/v1/nodes/{id}",
  ...access("patchNode"),
  tags: ["nodes"],
  summary: "Cordon or label a node",
  description: "A cordoned node keeps what it runs and gets nothing new.",
  request: { params: Id },
  responses: {
    200: json(NodeView, "The node as it is now"),
    ...problems(
      "malformed_json",
      "invalid_request",
      "unauthorized",
      "forbidden",
      "not_found",
      "body_too_large",
      "unsupported_media_type",
    ),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/nodes/{id}",
  ...access("removeNode"),
  tags: ["nodes"],
  summary: "Forget a node",
  description:
    "Its link is closed and its agent ends. With `force` also while it has work: those sessions fail.",
  request: {
    params: Id,
    query: z.object({
      force: z
        .enum(["true", "false"])
        .optional()
        .openapi({ description: "Also while it has work", example: "true" }),
    }),
  },
  responses: {
    204: { description: "Forgotten" },
    ...problems("invalid_request", "unauthorized", "forbidden", "not_found", "node_busy"),
  },
});

export function nodes(app: App): void {
  app.openapi(list, async (context) => {
    const slice = await fleetOf(context.env).listNodes(sliceRequest(context.req.valid("query")));
    const items = await withLastSeen(context.env, slice.items);
    return context.json({ items, nextCursor: nextCursor(slice) }, 200);
  });

  app.openapi(get, async (context) => {
    const node = await fleetOf(context.env).getNode(context.req.valid("param").id);
    return context.json((await withLastSeen(context.env, [node]))[0]!, 200);
  });

  app.openapi(withBody(app, patch, NodePatch, { schedulable: false }), async (context) => {
    const { schedulable, labels } = await readAs(context, NodePatch);
    const change = {
      ...(schedulable === undefined ? {} : { schedulable }),
      ...(labels === undefined ? {} : { labels }),
    };
    const node = await fleetOf(context.env).patchNode(
      context.get("caller"),
      context.req.valid("param").id,
      change,
    );
    return context.json((await withLastSeen(context.env, [node]))[0]!, 200);
  });

  app.openapi(remove, async (context) => {
    const force = context.req.valid("query").force === "true";
    await fleetOf(context.env).removeNode(context.get("caller"), context.req.valid("param").id, force);
    return context.body(null, 204);
  });
}

/** Heartbeats write nothing, so the API asks the Links for the last sign of life of connected nodes. */
async function withLastSeen(env: Cloudflare.Env, nodes: NodeView[]): Promise<NodeView[]> {
  const ready = nodes.filter(({ status }) => status === "ready").map(({ id }) => id);
  const answers = await Promise.all(
    [...Map.groupBy(ready, linkNumberOf)].map(([link, ids]) => linkAt(env, link).seenAt(ids)),
  );
  const seen = new Map(answers.flatMap((answer) => Object.entries(answer)));
  return nodes.map((node) => {
    const at = seen.get(node.id);
    return at === undefined ? node : { ...node, lastSeenAt: new Date(at).toISOString() };
  });
}
