/** Links to apps. The apps themselves are at hosts of their own (api/apps/serve-app.ts). */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { SkeinError } from "../../shared/errors/errors.ts";
import { Time } from "../../shared/text/text-schemas.ts";
import { signLink } from "../access/app-passes.ts";
import { originOf } from "../apps/app-origin.ts";
import { LINK_FIELD, LINK_PATH } from "../apps/serve-app.ts";
import { noteWayIn } from "../audit/way-in.ts";
import { access } from "../http/auth.ts";
import { problems } from "../http/problem.ts";
import { type App, json } from "../http/route.ts";
import { randomText } from "../platform/hash.ts";
import { sessionOf } from "../platform/objects.ts";
import { few, present, SessionParam, sessionIdOf } from "./find-session.ts";

const LINK_SECONDS = 60;

const LinkView = z
  .object({
    url: z.string().openapi({
      description: "For a browser. It works once",
      example: "https://notebook--01jd8xk3v2e8pbm4q0s6t9r1wz.apps.example.com/.skein/open?link=eyJpZCI6…",
    }),
    expiresAt: Time,
  })
  .openapi("AppLink");

const create = createRoute({
  method: "post",
  path: "/v1/sessions/{id}/apps/{name}/links",
  ...access("createAppLink"),
  tags: ["streams"],
  summary: "A link that opens an app in a browser",
  description: `Good for ${LINK_SECONDS} s, and once. It gives the browser a cookie for this app alone, which ends with the session or the token. \`skein open\` needs no link.`,
  request: {
    params: SessionParam.extend({
      name: z.string().max(64).openapi({ description: "The app's name", example: "notebook" }),
    }),
  },
  responses: {
    201: json(LinkView, "The link"),
    ...problems(
      "invalid_request",
      "unauthorized",
      "forbidden",
      "not_found",
      "not_running",
      "apps_domain_missing",
    ),
  },
});

export function apps(app: App): void {
  app.openapi(create, async (context) => {
    const { id: idOrName, name } = context.req.valid("param");
    const { actor, project, expiresAt } = context.get("caller");
    const id = await sessionIdOf(context, idOrName);
    const reach = present(idOrName, await sessionOf(context.env, id).app(project, name));
    const { session, node } = reach;
    if (!reach.app) {
      const has = reach.names.length === 0 ? "none" : few(reach.names);
      throw new SkeinError("not_found", `session ${session.name} has no app ${name}; it has ${has}`);
    }
    const origin = originOf({ app: name, session: id }, new URL(context.req.url));
    if (!node) {
      const why = session.status === "running" ? "its main1 does not run" : `it is ${session.status}`;
      throw new SkeinError("not_running", `the apps of session ${session.name} cannot be opened: ${why}`);
    }
    const until = Date.now() + LINK_SECONDS * 1000;
    const pass = { app: name, session: id, project, actor, expiresAt };
    const link = await signLink(context.env.SKEIN_ADMIN_TOKEN, { id: randomText(), until, pass });
    await noteWayIn(context, { session: id, host: "main1", port: reach.app.port });
    const url = `${origin}${LINK_PATH}?${LINK_FIELD}=${link}`;
    return context.json({ url, expiresAt: new Date(until).toISOString() }, 201);
  });
}
