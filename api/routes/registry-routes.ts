/** A project's credentials for image registries over HTTP. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { RegistryHost, RegistryRequest, RegistryView } from "../../shared/request/registry.ts";
import { access } from "../http/auth.ts";
import { readAs } from "../http/body.ts";
import { nextCursor, paging, sliceRequest } from "../http/paging.ts";
import { problems } from "../http/problem.ts";
import { type App, json, withBody } from "../http/route.ts";
import { passwordOf } from "../platform/messages.ts";
import { fleetOf } from "../platform/objects.ts";
import { seal } from "../platform/seal.ts";

const EXAMPLE = { username: "robot", password: "s3cret" };

const Host = z.object({
  host: RegistryHost.openapi({
    type: "string",
    description: "The registry, as image names write it",
    example: "registry.example:5000",
  }),
});

const Listed = z
  .object({
    items: z.array(RegistryView).meta({ description: "Newest first" }),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: "Where the list goes on; null at its end", example: null }),
  })
  .meta({ id: "RegistryList" });

const list = createRoute({
  method: "get",
  path: "/v1/registries",
  ...access("listRegistries"),
  tags: ["registries"],
  summary: "List registries",
  description: "Those for which the token's project has credentials, newest first; without the passwords.",
  request: { query: z.object(paging) },
  responses: {
    200: json(Listed, "A page of registries"),
    ...problems("invalid_request", "unauthorized", "forbidden"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/registries/{host}",
  ...access("getRegistry"),
  tags: ["registries"],
  summary: "Get a registry",
  description: "Who the project asks the registry as; not the password.",
  request: { params: Host },
  responses: {
    200: json(RegistryView, "The registry"),
    ...problems("invalid_request", "unauthorized", "forbidden", "not_found"),
  },
});

const set = createRoute({
  method: "put",
  path: "/v1/registries/{host}",
  ...access("setRegistry"),
  tags: ["registries"],
  summary: "Store credentials for a registry",
  description:
    "The project's sessions pull images of this registry with them, also where a node has the image already. Stored encrypted. They replace earlier ones, and are not tried here.",
  request: { params: Host },
  responses: {
    200: json(RegistryView, "The registry"),
    ...problems(
      "malformed_json",
      "invalid_request",
      "unauthorized",
      "forbidden",
      "too_many_registries",
      "secrets_key_missing",
      "body_too_large",
      "unsupported_media_type",
    ),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/registries/{host}",
  ...access("removeRegistry"),
  tags: ["registries"],
  summary: "Forget credentials for a registry",
  description: "What runs goes on. New sessions ask the registry without credentials.",
  request: { params: Host },
  responses: {
    204: { description: "Forgotten" },
    ...problems("invalid_request", "unauthorized", "forbidden", "not_found"),
  },
});

export function registries(app: App): void {
  app.openapi(list, async (context) => {
    const { project } = context.get("caller");
    const slice = await fleetOf(context.env).listRegistries(
      project,
      sliceRequest(context.req.valid("query")),
    );
    return context.json({ items: slice.items, nextCursor: nextCursor(slice) }, 200);
  });

  app.openapi(get, async (context) => {
    const { project } = context.get("caller");
    return context.json(
      await fleetOf(context.env).getRegistry(project, context.req.valid("param").host),
      200,
    );
  });

  app.openapi(withBody(app, set, RegistryRequest, EXAMPLE), async (context) => {
    const caller = context.get("caller");
    const { host } = context.req.valid("param");
    const { username, password } = await readAs(context, RegistryRequest);
    const sealed = await seal(context.env, passwordOf(caller.project, host), password);
    const stored = { host, login: { username, password: sealed } };
    return context.json(await fleetOf(context.env).setRegistry(caller, stored), 200);
  });

  app.openapi(remove, async (context) => {
    await fleetOf(context.env).removeRegistry(context.get("caller"), context.req.valid("param").host);
    return context.body(null, 204);
  });
}
