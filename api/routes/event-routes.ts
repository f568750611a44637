/** Event streams over HTTP: server-sent events of one session, and of a project. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { ContainerChanged, SessionChanged } from "../../shared/session/event-schemas.ts";
import type { StreamStart } from "../events/event-streams.ts";
import { access } from "../http/auth.ts";
import { problems } from "../http/problem.ts";
import type { App } from "../http/route.ts";
import { feedOf, sessionOf } from "../platform/objects.ts";
import { present, SessionParam, sessionIdOf } from "./find-session.ts";

const Start = {
  headers: z.object({
    "last-event-id": z.string().optional().openapi({
      description:
        "The stream goes on after this event. Without it, or with one that is not known, it begins with the oldest that is kept",
      example: "42",
    }),
  }),
  query: z.object({
    tail: z
      .string()
      .regex(/^\d{1,6}$/, "must be a number from 0 to 999999")
      .transform(Number)
      .optional()
      .openapi({
        type: "integer",
        minimum: 0,
        maximum: 999_999,
        description: "Without Last-Event-ID: begin with the last so many; 0: with what comes from now on",
        example: 0,
      }),
  }),
};

const FORMAT = [
  "Server-sent events: `event: session` when its status, reason or epoch changed, `event: container` when a container's status, reason or exit code",
  "changed. `id` grows in each stream. `event: progress` says at most once per second and container how far the pull of its image is; it has no id and is",
  "not kept. A comment `: ping` comes after 15 s of silence.",
].join(" ");

const stream = (description: string) => ({
  description,
  content: { "text/event-stream": { schema: z.union([SessionChanged, ContainerChanged]) } },
});

const ofSession = createRoute({
  method: "get",
  path: "/v1/sessions/{id}/events",
  ...access("streamSessionEvents"),
  tags: ["sessions"],
  summary: "Follow a session",
  description: `${FORMAT} The stream ends with the session's last event.`,
  request: { params: SessionParam, ...Start },
  responses: {
    200: stream("The events"),
    204: { description: "The session has ended, and `Last-Event-ID` is its last event" },
    ...problems("invalid_request", "unauthorized", "not_found", "too_many_streams"),
  },
});

const ofProject = createRoute({
  method: "get",
  path: "/v1/events",
  ...access("streamEvents"),
  tags: ["sessions"],
  summary: "Follow all sessions",
  description: `Those of the token's project. ${FORMAT} Progress is only in a session's own stream.`,
  request: Start,
  responses: {
    200: stream("The events"),
    ...problems("invalid_request", "unauthorized", "too_many_streams"),
  },
});

/** A proxy must neither store nor collect them. */
const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
};

export function events(app: App): void {
  app.openapi(ofSession, async (context) => {
    const { id } = context.req.valid("param");
    const caller = context.get("caller");
    const found = await sessionIdOf(context, id);
    if (isHead(context)) return context.body(null, 200, HEADERS);
    const { actor, expiresAt } = caller;
    const start = startOf(context.req.valid("header"), context.req.valid("query"));
    const answer = await sessionOf(context.env, found).events(caller.project, start, { actor, expiresAt });
    const { stream: body } = present(id, answer);
    return body === null ? context.body(null, 204) : context.body(body, 200, HEADERS);
  });

  app.openapi(ofProject, async (context) => {
    if (isHead(context)) return context.body(null, 200, HEADERS);
    const { project, actor, expiresAt } = context.get("caller");
    const start = startOf(context.req.valid("header"), context.req.valid("query"));
    return context.body(await feedOf(context.env, project).open(start, { actor, expiresAt }), 200, HEADERS);
  });
}

/** The router answers HEAD with the handler for GET, and drops the body: a stream would stay open behind it. */
function isHead(context: Context): boolean {
  return context.req.raw.method === "HEAD";
}

function startOf(
  { "last-event-id": last = "" }: { "last-event-id"?: string | undefined },
  { tail }: { tail?: number | undefined },
): StreamStart {
  return /^\d{1,15}$/.test(last) ? { after: Number(last) } : { tail };
}
