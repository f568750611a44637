/** Sessions over HTTP. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { invalidFields } from "../../shared/errors/errors.ts";
import { SessionRequest } from "../../shared/request/request-schemas.ts";
import { readRequest } from "../../shared/request/spec.ts";
import { SESSION_STATUSES } from "../../shared/session/lifecycle.ts";
import { SessionView } from "../../shared/session/session-schemas.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import { access } from "../http/auth.ts";
import { readBody } from "../http/body.ts";
import { nextCursor, paging, sliceRequest } from "../http/paging.ts";
import { problems } from "../http/problem.ts";
import type { AppEnv } from "../http/request-context.ts";
import { type App, json, withBody } from "../http/route.ts";
import { sha256Hex } from "../platform/hash.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { secretsOf } from "../platform/messages.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { seal, sealedDigest } from "../platform/seal.ts";
import { own, present, SessionParam, sessionIdOf } from "./find-session.ts";

const EXAMPLE = { name: "train", clusterMode: "multi-node", clusterSize: 4, image: "debian:12" };

const badWait = `must be a number of seconds from 0 to ${CONSTANTS.maxWaitSeconds}`;
const Wait = {
  wait: z
    .string()
    .regex(/^\d{1,2}(\.\d{1,3})?$/, badWait)
    .transform(Number)
    .refine((seconds) => seconds <= CONSTANTS.maxWaitSeconds, badWait)
    .optional()
    .openapi({
      type: "number",
      minimum: 0,
      maximum: CONSTANTS.maxWaitSeconds,
      description:
        "Seconds: answer when it is settled (running, failed or terminated) or waits to be started, at the latest then",
      example: 30,
    }),
};

const Listed = z
  .object({
    items: z.array(SessionView).meta({ description: "Newest first" }),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: "Where the list goes on; null at its end", example: null }),
  })
  .meta({ id: "SessionList" });

const create = createRoute({
  method: "post",
  path: "/v1/sessions",
  ...access("createSession"),
  tags: ["sessions"],
  summary: "Create a session",
  description:
    "Plans it and starts it as soon as there is room and it is its turn; all of its containers or none. While it waits, `reason` says for what, and its place in the queue.",
  request: {
    query: z.object(Wait),
    headers: z.object({
      "idempotency-key": z.string().optional().openapi({
        description: "The same key and body within 24 h in one project: the same session",
        example: "8e03978e",
      }),
    }),
  },
  responses: {
    202: json(SessionView, "The session, on its way"),
    ...problems(
      "malformed_json",
      "invalid_request",
      "too_many_containers",
      "session_too_large",
      "unauthorized",
      "forbidden",
      "not_allowed",
      "name_in_use",
      "too_many_live_sessions",
      "too_many_live_containers",
      "idempotency_conflict",
      "secrets_key_missing",
      "body_too_large",
      "unsupported_media_type",
      "unsupported",
    ),
  },
});

/** One, or several: `?status=pending&status=running`. */
const Statuses = z
  .union([z.enum(SESSION_STATUSES), z.array(z.enum(SESSION_STATUSES))])
  .transform((given) => [given].flat())
  .openapi({
    type: "array",
    items: { type: "string", enum: [...SESSION_STATUSES] },
    description: "Only those with this status, or with one of several: the parameter may be repeated",
    example: ["running"],
  });

const list = createRoute({
  method: "get",
  path: "/v1/sessions",
  ...access("listSessions"),
  tags: ["sessions"],
  summary: "List sessions",
  description:
    "Those of the token's project, newest first, ended ones included as long as they are kept. Without the containers' output, which each session itself has.",
  request: {
    query: z.object({
      status: Statuses.optional(),
      ...paging,
    }),
  },
  responses: { 200: json(Listed, "A page of sessions"), ...problems("invalid_request", "unauthorized") },
});

const get = createRoute({
  method: "get",
  path: "/v1/sessions/{id}",
  ...access("getSession"),
  tags: ["sessions"],
  summary: "Get a session",
  description: "As it is now, or with `wait` when it has settled.",
  request: { params: SessionParam, query: z.object(Wait) },
  responses: {
    200: json(SessionView, "The session"),
    ...problems("invalid_request", "unauthorized", "not_found"),
  },
});

const start = createRoute({
  method: "post",
  path: "/v1/sessions/{id}/start",
  ...access("startSession"),
  tags: ["sessions"],
  summary: "Start a session that waits at its gate",
  description:
    'Opens the gate of a session that was made with `gate: "manual"`, so that its commands run. Before its time this is remembered, and the session will not wait. One that runs is left as it is.',
  request: { params: SessionParam },
  responses: {
    202: json(SessionView, "The session, on its way"),
    ...problems("invalid_request", "unauthorized", "forbidden", "not_found", "not_running"),
  },
});

const end = createRoute({
  method: "delete",
  path: "/v1/sessions/{id}",
  ...access("endSession"),
  tags: ["sessions"],
  summary: "End a session",
  description:
    "SIGTERM, 10 s, SIGKILL; then nothing of it is left. Ending an ended one is no error. One whose containers stay for a while (`holdAtEnd`) loses them now.",
  request: { params: SessionParam },
  responses: {
    202: json(SessionView, "The session, on its way out"),
    ...problems("invalid_request", "unauthorized", "forbidden", "not_found"),
  },
});

export function sessions(app: App): void {
  app.openapi(withBody(app, create, SessionRequest, EXAMPLE), async (context) => {
    const { bytes, json: body } = await readBody(context);
    const { spec, secrets } = readRequest(body, SETTINGS);
    const key = context.req.header("idempotency-key");
    if (key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw invalidFields([
        { field: "Idempotency-Key", message: "must be 1 to 255 visible ASCII characters" },
      ]);
    }
    const { env } = context;
    const caller = context.get("caller");
    const sealed = secrets && {
      sealedSecrets: await seal(env, secretsOf(caller.project), JSON.stringify(secrets)),
    };
    // Stored as long as the key is: of a body with secrets no digest that anybody could make, too.
    const digest = () => (secrets ? sealedDigest(env, bytes) : sha256Hex(bytes));
    const id = await fleetOf(env).createSession(
      caller,
      { ...spec, ...sealed },
      key === undefined ? undefined : { key, body: await digest() },
    );
    return context.json(await existing(context, id, context.req.valid("query").wait), 202);
  });

  app.openapi(list, async (context) => {
    const { status, ...query } = context.req.valid("query");
    const { project } = context.get("caller");
    const slice = await fleetOf(context.env).listSessions(project, sliceRequest(query), status);
    return context.json({ items: slice.items, nextCursor: nextCursor(slice) }, 200);
  });

  app.openapi(get, async (context) =>
    context.json(
      await existing(context, context.req.valid("param").id, context.req.valid("query").wait),
      200,
    ),
  );

  app.openapi(start, async (context) => {
    const { id } = context.req.valid("param");
    const caller = context.get("caller");
    const noted = own(id, await fleetOf(context.env).noteRequest(caller, "startSession", id));
    return context.json(present(id, await sessionOf(context.env, noted).start(caller.project)), 202);
  });

  app.openapi(end, async (context) => {
    const { id } = context.req.valid("param");
    const caller = context.get("caller");
    const noted = own(id, await fleetOf(context.env).noteRequest(caller, "endSession", id));
    return context.json(present(id, await sessionOf(context.env, noted).end(caller.project)), 202);
  });
}

async function existing(context: Context<AppEnv>, idOrName: string, wait = 0): Promise<SessionView> {
  const { project } = context.get("caller");
  const id = await sessionIdOf(context, idOrName);
  const session = present(idOrName, await sessionOf(context.env, id).get(project, wait));
  if (session.status !== "pending") return session;
  // The queue knows the reason and the place of a waiting session.
  const reasons: Record<string, string> = await fleetOf(context.env).waitingReasons([id]);
  return { ...session, reason: reasons[id] ?? session.reason };
}
