/** Dry runs over HTTP. */
import { createRoute } from "@hono/zod-openapi";
import { PlanView } from "../../shared/plan/plan-schema.ts";
import { publicPlan } from "../../shared/plan/plan-view.ts";
import { SessionRequest } from "../../shared/request/request-schemas.ts";
import { readRequest } from "../../shared/request/spec.ts";
import { access } from "../http/auth.ts";
import { readBody } from "../http/body.ts";
import { problems } from "../http/problem.ts";
import { type App, json, withBody } from "../http/route.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { fleetOf } from "../platform/objects.ts";
import { needKey } from "../platform/seal.ts";

const EXAMPLE = { image: "debian:12", clusterSize: 2 };

const create = createRoute({
  method: "post",
  path: "/v1/plans",
  ...access("planSession"),
  tags: ["sessions"],
  summary: "What would run where",
  description:
    "A dry run: the same body as a session, the same planner, nothing changed. It says whether there is room now, and ignores the queue: a session may have to wait behind others all the same.",
  responses: {
    200: json(PlanView, "The plan"),
    ...problems(
      "malformed_json",
      "invalid_request",
      "too_many_containers",
      "session_too_large",
      "unauthorized",
      "not_allowed",
      "unschedulable",
      "secrets_key_missing",
      "body_too_large",
      "unsupported_media_type",
      "unsupported",
    ),
  },
});

export function plans(app: App): void {
  app.openapi(withBody(app, create, SessionRequest, EXAMPLE), async (context) => {
    const { spec, secrets } = readRequest((await readBody(context)).json, SETTINGS);
    if (secrets) await needKey(context.env);
    const plan = await fleetOf(context.env).dryRun(spec);
    return context.json(publicPlan(spec, plan), 200);
  });
}
