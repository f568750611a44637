/** Logs over HTTP: of one container or all, while they run and after their end. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { invalidFields, SkeinError } from "../../shared/errors/errors.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { sinceOf } from "../../shared/streams/since.ts";
import { access } from "../http/auth.ts";
import { problems } from "../http/problem.ts";
import { type App, streamed } from "../http/route.ts";
import { sessionOf, tunnelOf } from "../platform/objects.ts";
import type { LogsDial } from "../tunnel/dials.ts";
import { few, present, SessionParam, sessionIdOf } from "./find-session.ts";

const LogLine = z
  .object({
    host: z.string().meta({ description: "The container", example: "main1" }),
    stream: z
      .enum(["stdout", "stderr", "notice"])
      .meta({ description: "`notice`: Skein says it, not the container", example: "stdout" }),
    time: z.string().meta({
      description: "RFC 3339 with nanoseconds; no two lines of a container have the same",
      example: "2026-11-26T12:00:00.123456789Z",
    }),
    text: z.string().meta({ description: "The line, without its newline", example: "epoch 1: loss 0.3" }),
    partial: z.boolean().optional().meta({
      description: "No newline follows: the line goes on in the next one, or the output ended so",
      example: true,
    }),
    base64: z
      .string()
      .optional()
      .meta({ description: "The line's bytes, where they are not UTF-8", example: "//4=" }),
  })
  .meta({ id: "LogLine" });

const logs = createRoute({
  method: "get",
  path: "/v1/sessions/{id}/logs",
  ...access("readLogs"),
  tags: ["sessions"],
  summary: "Read the output of a session's containers",
  description: [
    "JSON lines, or with `Accept: text/plain` the containers' own bytes. Several containers are merged by time, and in text each line begins with",
    "`HOST | `. It answers until the session's retention ends. An empty line comes after 15 s of silence. A node that cannot be reached gives one notice;",
    "with `follow` its lines go on once it is back. To go on after a broken connection, ask again with the last `time` as `since`.",
  ].join(" "),
  request: {
    params: SessionParam,
    query: z.object({
      host: z
        .string()
        .max(64)
        .optional()
        .openapi({ description: "One container; without it, all", example: "main1" }),
      follow: z
        .enum(["true", "false"], "must be true or false")
        .optional()
        .openapi({ description: "Go on until all containers have ended", example: "true" }),
      tail: z
        .string()
        .regex(/^\d{1,9}$/, "must be a number of lines")
        .transform(Number)
        .optional()
        .openapi({
          type: "integer",
          minimum: 0,
          maximum: 999_999_999,
          description: "Only the last lines of each container",
          example: 100,
        }),
      since: z
        .string()
        .max(64)
        .optional()
        .openapi({ description: "RFC 3339, or a span like `10m`: only lines from then on", example: "10m" }),
    }),
  },
  responses: {
    200: {
      description: "The lines",
      content: { "application/x-ndjson": { schema: LogLine }, "text/plain": { schema: z.string() } },
    },
    ...problems("invalid_request", "unauthorized", "not_found", "not_running"),
  },
});

export function sessionLogs(app: App): void {
  app.openapi(logs, async (context) => {
    const { id: idOrName } = context.req.valid("param");
    const { host, follow, tail, since } = context.req.valid("query");
    const from = since === undefined ? undefined : sinceOf(since, Date.now());
    if (since !== undefined && from === undefined) {
      throw invalidFields([
        { field: "since", message: "must be a time like 2026-11-26T12:00:00Z, or a span like 10m" },
      ]);
    }
    const { actor, project, expiresAt } = context.get("caller");
    const id = await sessionIdOf(context, idOrName);
    const session = present(idOrName, await sessionOf(context.env, id).get(project, 0));
    const nodes = nodesOf(session, host);
    const format = /\btext\/plain\b/.test(context.req.header("accept") ?? "") ? "text" : "json";
    const headers = {
      "content-type": format === "text" ? "text/plain; charset=utf-8" : "application/x-ndjson",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    };
    // The router answers HEAD with this handler, and drops the body.
    if (context.req.raw.method === "HEAD") return streamed(null, headers);
    const asked: LogsDial = {
      session: id,
      nodes,
      follow: follow === "true",
      format,
      token: { actor, expiresAt },
      ...(from === undefined ? {} : { since: String(from) }),
      ...(tail === undefined ? {} : { tail }),
    };
    return streamed(await tunnelOf(context.env, id).logs(asked), headers);
  });
}

/** Containers by node. @throws SkeinError `not_found`, or `not_running` where none has been placed */
function nodesOf({ name, status, containers }: SessionView, host: string | undefined): LogsDial["nodes"] {
  const wanted = containers.filter((each) => host === undefined || each.host === host);
  if (wanted.length === 0) {
    const hosts = containers.map((each) => each.host);
    throw new SkeinError("not_found", `session ${name} has no container ${host}; it has ${few(hosts)}`);
  }
  const nodes = new Map<string, LogsDial["nodes"][number]>();
  for (const { host: each, nodeId, node } of wanted) {
    if (nodeId === null || node === null) continue;
    const known = nodes.get(nodeId) ?? { node: { id: nodeId, name: node }, hosts: [] };
    known.hosts.push(each);
    nodes.set(nodeId, known);
  }
  if (nodes.size === 0) {
    throw new SkeinError(
      "not_running",
      `session ${name} is ${status}: it has no logs, since no container was placed`,
    );
  }
  return [...nodes.values()];
}
