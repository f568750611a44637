/** Agents over HTTP: join tokens, joining, and the WebSocket that an agent dials. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { invalidFields, SkeinError } from "../../shared/errors/errors.ts";
import { AgentJoin, AgentJoined, JoinToken } from "../../shared/node/node-schemas.ts";
import { CLOSE } from "../../shared/protocol/protocol.ts";
import { NOTHING_ALLOWED } from "../../shared/request/allowed.ts";
import { access } from "../http/auth.ts";
import { readAs } from "../http/body.ts";
import { problems } from "../http/problem.ts";
import { type App, json, withBody } from "../http/route.ts";
import { turnAway } from "../link/link-sockets.ts";
import { importNodeKey } from "../link/node-key.ts";
import { randomText, sha256Hex } from "../platform/hash.ts";
import { unwrap } from "../platform/messages.ts";
import { fleetOf, nodeOf } from "../platform/objects.ts";

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
    const joined = unwrap(await fleetOf(context.env).join(await sha256Hex(body.joinToken), body));
    return context.json(joined, 201);
  });

  app.openapi(connect, async (context) => {
    if (context.req.header("upgrade")?.toLowerCase() !== "websocket") {
      throw new SkeinError("upgrade_required", "dial this path as a WebSocket");
    }
    const { node } = context.req.valid("query");
    // Asked before the Node object is: an object that is asked anything leaves a file behind, and anyone may dial.
    const identity = await fleetOf(context.env).identityOf(node);
    return identity ? nodeOf(context.env, node).fetch(context.req.raw) : turnAway(CLOSE.unknownNode);
  });
}
