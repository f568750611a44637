/** Agents over HTTP: join tokens, joining, and the WebSocket that an agent dials. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { invalidFields, SkeinError } from "../../shared/errors/errors.ts";
import { AgentJoin, AgentJoined, JoinToken } from "../../shared/node/node-schemas.ts";
import { NOTHING_ALLOWED } from "../../shared/request/allowed.ts";
import { access } from "../http/auth.ts";
import { readAs } from "../http/body.ts";
import { problems } from "../http/problem.ts";
import { type App, json, withBody } from "../http/route.ts";
import { importNodeKey } from "../link/node-key.ts";
import { dialBegins, isBusyGreeting, isFull } from "../link/open-links.ts";
import { randomText, sha256Hex } from "../platform/hash.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { fleetOf, linkOf } from "../platform/objects.ts";

/** Seconds, plus its own jitter, after which a refused agent dials again: if there is no room, or if many dial at once. */
const FULL_RETRY_SECONDS = 30;
const BUSY_RETRY_SECONDS = 2;

const EXAMPLE = {
  joinToken: "skj_…",
  publicKey: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
  name: "gpu-a",
  address: "192.0.2.11",
  capacity: { cpu: 16, memory: 68719476736, gpu: 4 },
  facts: {
    os: "Debian GNU/Linux 12",
    kernel: "6.1.0-28-amd64",
    arch: "x64",
    dockerVersion: "20.10.24",
    agentVersion: "0.1.0",
    mtu: 1500,
    addresses: ["198.51.100.11"],
    allows: NOTHING_ALLOWED,
    gpuIds: ["0", "1", "2", "3"],
    usedSubnets: ["172.17.0.0/16"],
    usedVnis: [],
  },
};

const token = createRoute({
  method: "post",
  path: "/v1/join-tokens",
  ...access("createJoinToken"),
  tags: ["agents"],
  summary: "Make a join token",
  description: "One node joins with it, within an hour. It is shown once; only its hash is kept.",
  responses: { 201: json(JoinToken, "The token"), ...problems("unauthorized", "forbidden") },
});

const join = createRoute({
  method: "post",
  path: "/v1/agents",
  ...access("joinAgent"),
  tags: ["agents"],
  summary: "Join the fleet",
  description: "A node joins with a join token and its public key. The private key stays on the node.",
  responses: {
    201: json(AgentJoined, "Joined"),
    ...problems(
      "malformed_json",
      "invalid_request",
      "join_token_invalid",
      "name_in_use",
      "body_too_large",
      "unsupported_media_type",
    ),
  },
});

const connect = createRoute({
  method: "get",
  path: "/v1/agents/connect",
  ...access("connectAgent"),
  tags: ["agents"],
  summary: "A node's link (WebSocket)",
  description:
    "Speaks shared/protocol/protocol.ts (docs/protocol.md). The node proves its key by signing a nonce.",
  request: {
    query: z.object({
      node: z.string().min(1).max(256).openapi({ description: "The node's id", example: "node_01jd8x" }),
    }),
  },
  responses: { 101: { description: "The WebSocket" }, ...problems("invalid_request", "upgrade_required") },
});

export function agents(app: App): void {
  app.openapi(token, async (context) => {
    const text = `skj_${randomText()}`;
    const expiresAt = await fleetOf(context.env).addJoinToken(context.get("caller"), await sha256Hex(text));
    return context.json({ token: text, expiresAt: new Date(expiresAt).toISOString() }, 201);
  });

  app.openapi(withBody(app, join, AgentJoin, EXAMPLE), async (context) => {
    const body = await readAs(context, AgentJoin);
    const usable = await importNodeKey(body.publicKey).catch(() => undefined);
    if (!usable)
      throw invalidFields([{ field: "publicKey", message: "is no Ed25519 public key (RFC 8032)" }]);
    const joined = await fleetOf(context.env).join(await sha256Hex(body.joinToken), body);
    return context.json(joined, 201);
  });

  app.openapi(connect, async (context) => {
    if (context.req.header("upgrade")?.toLowerCase() !== "websocket") {
      throw new SkeinError("upgrade_required", "dial this path as a WebSocket");
    }
    const { node } = context.req.valid("query");
    if (isFull(SETTINGS.maxLinks)) await refuseIdle(context.env, node);
    refuseWhileBusy();
    const arrived = dialBegins();
    return linkOf(context.env, node).fetch(context.req.raw).finally(arrived);
  });
}

/**
 * At MAX_LINKS only a node that a session holds something on may connect: an idle node makes way once it has proven its key. Otherwise the
 * order of dials after a restart would decide which sessions go on.
 * @throws SkeinError `unavailable` with Retry-After, before the connection becomes a WebSocket
 */
async function refuseIdle(env: Cloudflare.Env, node: string): Promise<void> {
  if ((await fleetOf(env).idleAmong([node])) === undefined) return;
  throw new SkeinError(
    "unavailable",
    `this API holds ${SETTINGS.maxLinks} agents and has no room for another: raise MAX_LINKS, and the files that its process may open`,
    { retryAfter: FULL_RETRY_SECONDS },
  );
}

/** @throws SkeinError as `refuseIdle` */
function refuseWhileBusy(): void {
  if (!isBusyGreeting()) return;
  throw new SkeinError("unavailable", "many agents dial at once: dial again a little later", {
    retryAfter: BUSY_RETRY_SECONDS,
  });
}
