/** Ways into a container: WebSockets that become streams of its session's Tunnel object. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { SkeinError } from "../../shared/errors/errors.ts";
import { CLOSE } from "../../shared/protocol/protocol.ts";
import { noteWayIn } from "../audit/way-in.ts";
import { access } from "../http/auth.ts";
import { problems } from "../http/problem.ts";
import type { AppEnv } from "../http/request-context.ts";
import type { App } from "../http/route.ts";
import { turnAway } from "../link/link-sockets.ts";
import { refuseIfFull, streamBegins } from "../link/open-links.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { fleetOf, sessionOf, tunnelOf } from "../platform/objects.ts";
import type { Wanted } from "../tunnel/client-socket.ts";
import { type ClientDial, DIAL_HEADER, type Dialling } from "../tunnel/dials.ts";
import { ContainerParam, few, present, sessionIdOf } from "./find-session.ts";

const refusals = problems(
  "invalid_request",
  "unauthorized",
  "forbidden",
  "not_found",
  "not_running",
  "upgrade_required",
  "too_many_streams",
  "node_disconnected",
);

const exec = createRoute({
  method: "get",
  path: "/v1/sessions/{id}/containers/{host}/exec",
  ...access("execContainer"),
  tags: ["streams"],
  summary: "Run a command in a container (WebSocket)",
  description:
    "With a terminal, or with stdin, stdout and stderr apart. The first frame says which command; docs/streams.md has all frames. A browser passes its token as the subprotocol `base64url.bearer.authorization.skein.TOKEN`, with the token in base64url, after `skein.v1`.",
  request: { params: ContainerParam },
  responses: { 101: { description: "The WebSocket" }, ...refusals },
});

const port = createRoute({
  method: "get",
  path: "/v1/sessions/{id}/containers/{host}/ports/{port}",
  ...access("forwardPort"),
  tags: ["streams"],
  summary: "Connect to a TCP port of a container (WebSocket)",
  description:
    "First 127.0.0.1 inside the container, then its address in the session. One WebSocket is one connection; docs/streams.md has the frames.",
  request: {
    params: ContainerParam.extend({
      port: z
        .string()
        .regex(/^[1-9]\d{0,4}$/, "must be a port from 1 to 65535")
        .transform(Number)
        .refine((number) => number <= 65_535, "must be a port from 1 to 65535")
        .openapi({ type: "integer", minimum: 1, maximum: 65_535, description: "The port", example: 8888 }),
    }),
  },
  responses: { 101: { description: "The WebSocket" }, ...refusals },
});

const tunnel = createRoute({
  method: "get",
  path: "/v1/agents/tunnel",
  ...access("openTunnel"),
  tags: ["agents"],
  summary: "A node's tunnel for one session's streams (WebSocket)",
  description: "An agent dials it when its link asks for it, and proves its key by signing a nonce.",
  request: {
    query: z.object({
      node: z.string().min(1).max(256).openapi({ description: "The node's id", example: "node_01jd8x" }),
      session: z.string().min(1).max(256).openapi({ description: "The session's id", example: "ses_01jd8x" }),
    }),
  },
  responses: { 101: { description: "The WebSocket" }, ...problems("invalid_request", "upgrade_required") },
});

export function streams(app: App): void {
  app.openapi(exec, async (context) => {
    const { id, host } = context.req.valid("param");
    return await enter(context, id, { kind: "exec", host });
  });

  app.openapi(port, async (context) => {
    const { id, host, port: number } = context.req.valid("param");
    return await enter(context, id, { kind: "port", host, port: number });
  });

  app.openapi(tunnel, async (context) => {
    needsUpgrade(context);
    const { node, session } = context.req.valid("query");
    const identity = await fleetOf(context.env).tunnelIdentity(node, session);
    if (!identity) return turnAway(CLOSE.unknownNode);
    return await dial(context, session, { session, node, ...identity });
  });
}

/** What is known before the upgrade is a problem; what comes later ends the stream with a code and a reason. */
async function enter(context: Context<AppEnv>, idOrName: string, wanted: Wanted): Promise<Response> {
  const { actor, project, expiresAt } = context.get("caller");
  const id = await sessionIdOf(context, idOrName);
  const reach = present(idOrName, await sessionOf(context.env, id).reach(project, wanted.host));
  const { container, name, status, hosts } = reach;
  if (!container) {
    throw new SkeinError(
      "not_found",
      `session ${name} has no container ${wanted.host}; it has ${few(hosts)}`,
    );
  }
  if (container.status !== "running" || container.nodeId === null || container.node === null) {
    const which =
      status === "running" ? `${wanted.host} is ${container.status}` : `session ${name} is ${status}`;
    throw new SkeinError("not_running", `${which}: only a running container can be entered`);
  }
  const node = { id: container.nodeId, name: container.node };
  const port = wanted.kind === "port" ? { port: wanted.port } : {};
  refuseIfFull(SETTINGS.maxLinks);
  const arrived = streamBegins();
  try {
    await tunnelOf(context.env, id).admit(id, node);
    // Last, so that a plain request shows why an upgrade was refused: a WebSocket client does not see it.
    needsUpgrade(context);
    await noteWayIn(context, { session: id, host: wanted.host, ...port });
    return await dial(context, id, { node, wanted, token: { actor, expiresAt } });
  } finally {
    arrived();
  }
}

async function dial(
  context: Context<AppEnv>,
  session: string,
  what: ClientDial | Dialling,
): Promise<Response> {
  const request = new Request(context.req.raw);
  request.headers.set(DIAL_HEADER, JSON.stringify(what));
  return await tunnelOf(context.env, session).fetch(request);
}

function needsUpgrade(context: Context<AppEnv>): void {
  if (context.req.header("upgrade")?.toLowerCase() === "websocket") return;
  throw new SkeinError("upgrade_required", "dial this path as a WebSocket");
}
