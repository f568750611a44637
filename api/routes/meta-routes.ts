/** Health, the OpenAPI document, and pages for people. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { SkeinError } from "../../shared/errors/errors.ts";
import { access } from "../http/auth.ts";
import { viewerFile, viewerPage } from "../http/docs/viewer.ts";
import { documentOf } from "../http/document.ts";
import { wantsPage } from "../http/not-found-page.ts";
import { problems } from "../http/problem.ts";
import { type App, json } from "../http/route.ts";
import { sessionSchema } from "../http/session-schema.ts";

const Health = z
  .object({ status: z.literal("ok").meta({ description: "It answers", example: "ok" }) })
  .meta({ id: "Health" });

const health = createRoute({
  method: "get",
  path: "/healthz",
  ...access("getHealth"),
  tags: ["meta"],
  summary: "Is it there?",
  description: "Needs no token.",
  responses: { 200: json(Health, "It is"), ...problems() },
});

const openapi = createRoute({
  method: "get",
  path: "/openapi.json",
  ...access("getOpenApi"),
  tags: ["meta"],
  summary: "This document",
  description: "OpenAPI 3.1. Needs no token.",
  responses: {
    200: json(z.object({}).loose().meta({ id: "OpenApi", description: "OpenAPI 3.1" }), "The document"),
    ...problems(),
  },
});

const schema = createRoute({
  method: "get",
  path: "/schema/session.json",
  ...access("getSessionSchema"),
  tags: ["meta"],
  summary: "The JSON Schema of a request for a session",
  description:
    "For editors that check and complete a file for `skein run -f`. JSON Schema draft 7. Needs no token.",
  responses: {
    200: json(z.object({}).loose().meta({ id: "JsonSchema", description: "Draft 7" }), "The schema"),
    ...problems(),
  },
});

const docs = createRoute({
  method: "get",
  path: "/docs",
  ...access("getDocs"),
  tags: ["meta"],
  summary: "This document, for people",
  description:
    "Swagger UI: to search, to read, and to try operations with a token. It loads nothing from elsewhere. Needs no token.",
  responses: {
    200: { description: "The page", content: { "text/html": { schema: z.string() } } },
    ...problems(),
  },
});

export function meta(app: App): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description:
      "The installation's own token (`skein serve` keeps it in DIR/admin-token), or one made with `POST /v1/tokens`",
  });
  app.openapi(health, (context) => context.json({ status: "ok" as const }, 200));
  app.openapi(openapi, (context) => context.json(documentOf(app) as object as Record<string, never>, 200));
  app.openapi(schema, (context) => context.json(sessionSchema() as Record<string, never>, 200));
  app.openapi(docs, viewerPage);
  app.get("/docs/:file", async (context) => {
    const name = context.req.param("file");
    const file = await viewerFile(context, name);
    if (!file) throw new SkeinError("not_found", `nothing is at /docs/${name}`);
    return file;
  });
  app.get("/", (context, next) => (wantsPage(context.req.raw) ? context.redirect("/docs") : next()));
}
