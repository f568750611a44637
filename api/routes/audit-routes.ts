/** The audit log over HTTP. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { AuditEntry } from "../../shared/access/access-schemas.ts";
import { access } from "../http/auth.ts";
import { nextCursor, paging, sliceRequest } from "../http/paging.ts";
import { problems } from "../http/problem.ts";
import { type App, json } from "../http/route.ts";
import { fleetOf, refusalsOf } from "../platform/objects.ts";

const Listed = z
  .object({
    items: z.array(AuditEntry).meta({ description: "Newest first" }),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: "Where the list goes on; null at its end", example: null }),
  })
  .meta({ id: "AuditList" });

const list = createRoute({
  method: "get",
  path: "/v1/audit",
  ...access("listAudit"),
  tags: ["access"],
  summary: "Who changed what, who entered which container, and what was refused",
  description: "Of all projects, newest first.",
  request: { query: z.object(paging) },
  responses: {
    200: json(Listed, "A page of the audit log"),
    ...problems("invalid_request", "unauthorized", "forbidden"),
  },
});

export function audit(app: App): void {
  app.openapi(list, async (context) => {
    const asked = sliceRequest(context.req.valid("query"));
    // Hands over pending refusals first, so that the answer has them.
    await refusalsOf(context.env).handOver();
    const slice = await fleetOf(context.env).listAudit(asked);
    return context.json({ items: slice.items, nextCursor: nextCursor(slice) }, 200);
  });
}
