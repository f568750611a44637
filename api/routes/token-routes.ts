/** Tokens over HTTP: made, listed, revoked. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { TokenMade, TokenRequest, TokenView } from "../../shared/access/access-schemas.ts";
import { invalidFields } from "../../shared/errors/errors.ts";
import { signToken } from "../access/signed-tokens.ts";
import { access } from "../http/auth.ts";
import { readAs } from "../http/body.ts";
import { nextCursor, paging, sliceRequest } from "../http/paging.ts";
import { problems } from "../http/problem.ts";
import { type App, json, withBody } from "../http/route.ts";
import { newId } from "../platform/ids.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { fleetOf } from "../platform/objects.ts";

const EXAMPLE = { project: "vision", role: "user", note: "nightly training" };

const Listed = z
  .object({
    items: z.array(TokenView).meta({ description: "Newest first" }),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: "Where the list goes on; null at its end", example: null }),
  })
  .meta({ id: "TokenList" });

const create = createRoute({
  method: "post",
  path: "/v1/tokens",
  ...access("createToken"),
  tags: ["access"],
  summary: "Make a token",
  description: "For a project and a role, until a time. It is shown once and not stored.",
  responses: {
    201: json(TokenMade, "The token"),
    ...problems(
      "malformed_json",
      "invalid_request",
      "unauthorized",
      "forbidden",
      "body_too_large",
      "unsupported_media_type",
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/tokens",
  ...access("listTokens"),
  tags: ["access"],
  summary: "List tokens",
  description: "Of all projects, newest first, expired and revoked ones included; not the tokens themselves.",
  request: { query: z.object(paging) },
  responses: {
    200: json(Listed, "A page of tokens"),
    ...problems("invalid_request", "unauthorized", "forbidden"),
  },
});

const revoke = createRoute({
  method: "delete",
  path: "/v1/tokens/{id}",
  ...access("revokeToken"),
  tags: ["access"],
  summary: "Revoke a token",
  description: "From then on the API refuses it. Revoking a revoked one is no error.",
  request: {
    params: z.object({
      id: z.string().max(256).openapi({ description: "The token's id", example: "tok_01jd8x" }),
    }),
  },
  responses: {
    204: { description: "Revoked" },
    ...problems("invalid_request", "unauthorized", "forbidden", "not_found"),
  },
});

export function tokens(app: App): void {
  app.openapi(withBody(app, create, TokenRequest, EXAMPLE), async (context) => {
    const { project, role, expiresIn, note = null } = await readAs(context, TokenRequest);
    const { tokenSeconds, maxTokenSeconds } = SETTINGS;
    if (expiresIn !== undefined && expiresIn > maxTokenSeconds) {
      throw invalidFields([{ field: "expiresIn", message: `must be at most ${maxTokenSeconds} seconds` }]);
    }
    const id = newId("tok");
    const createdAt = Date.now();
    // Whole seconds, as in the token.
    const exp = Math.floor(createdAt / 1000) + (expiresIn ?? Math.min(tokenSeconds, maxTokenSeconds));
    const expiresAt = exp * 1000;
    const listed = { id, project, role, note, createdAt, expiresAt };
    await fleetOf(context.env).addToken(context.get("caller"), listed);
    const token = await signToken(context.env.SKEIN_ADMIN_TOKEN, { id, project, role, exp });
    context.header("cache-control", "no-store");
    return context.json({ id, token, project, role, expiresAt: new Date(expiresAt).toISOString() }, 201);
  });

  app.openapi(list, async (context) => {
    const slice = await fleetOf(context.env).listTokens(sliceRequest(context.req.valid("query")));
    return context.json({ items: slice.items, nextCursor: nextCursor(slice) }, 200);
  });

  app.openapi(revoke, async (context) => {
    await fleetOf(context.env).revokeToken(context.get("caller"), context.req.valid("param").id);
    return context.body(null, 204);
  });
}
