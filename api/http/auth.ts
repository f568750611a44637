/** Checks each request at the edge: the bearer token, its rate limit, and the access table. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { ACCESS, allows, isRole, type OperationId } from "../../shared/access/access.ts";
import { SkeinError } from "../../shared/errors/errors.ts";
import { verifyToken } from "../access/signed-tokens.ts";
import { fromBase64Url, sha256 } from "../platform/hash.ts";
import { limiterOf } from "../platform/objects.ts";
import type { AppEnv, Caller } from "./request-context.ts";

/** Identity of the installation's own token. */
const INSTALLATION: Caller = { actor: "admin-token", project: "default", role: "admin", expiresAt: null };

/** Access control of a route, from the access table: spread it into the route. */
export function access(operationId: OperationId) {
  const least: string = ACCESS[operationId];
  return {
    operationId,
    security: isRole(least) ? [{ bearer: [] }] : [],
    middleware: createMiddleware<AppEnv>(async function guard(context, next) {
      context.set("operation", operationId);
      if (isRole(least)) {
        const { role } = await authenticate(context);
        if (!allows(role, least)) {
          throw new SkeinError(
            "forbidden",
            `${operationId} needs the role ${least}, and this token's is ${role}: ask an admin for another token`,
          );
        }
      }
      await next();
    }),
  };
}

/** For requests that no route answers: without a valid token the answer is `unauthorized`, never `not_found`. */
export const bearer = createMiddleware<AppEnv>(async function requireBearer(context, next) {
  await authenticate(context);
  await next();
});

/** Identifies the caller, and counts the request against the token's rate limit. */
async function authenticate(context: Context<AppEnv>): Promise<Caller> {
  const { env } = context;
  const { authorization, "sec-websocket-protocol": offered } = context.req.header();
  const given = /^Bearer +([^\s]+)$/i.exec(authorization ?? "")?.[1] ?? offeredToken(offered);
  // An API without an admin token accepts no token at all.
  const caller = given && env.SKEIN_ADMIN_TOKEN ? await callerOf(given, env.SKEIN_ADMIN_TOKEN) : undefined;
  if (!caller) {
    throw new SkeinError(
      "unauthorized",
      "send the header Authorization: Bearer TOKEN with a token of this API",
    );
  }
  context.set("caller", caller);
  // One object for each token, so that a flood of one token does not slow down others.
  const { revoked, retryAfter } = await limiterOf(env, caller.actor).spend();
  if (revoked) throw new SkeinError("unauthorized", "this token was revoked: ask an admin for another");
  if (retryAfter > 0) {
    throw new SkeinError("rate_limited", `this token asks too often: wait ${retryAfter} s`, { retryAfter });
  }
  return caller;
}

/**
 * A browser cannot set headers of a WebSocket, so it offers the token as a subprotocol, as for Kubernetes' API:
 * `base64url.bearer.authorization.skein.` and the token in base64url without padding.
 */
function offeredToken(protocols: string | undefined): string | undefined {
  const encoded = /(?:^|[ ,])base64url\.bearer\.authorization\.skein\.([\w-]+)(?:$|[ ,])/.exec(
    protocols ?? "",
  )?.[1];
  const bytes = encoded === undefined ? undefined : fromBase64Url(encoded);
  return bytes && new TextDecoder().decode(bytes);
}

async function callerOf(given: string, adminToken: string): Promise<Caller | undefined> {
  // Compared in constant time. The comparison needs equal lengths, so it compares hashes.
  if (crypto.subtle.timingSafeEqual(await sha256(given), await sha256(adminToken))) return INSTALLATION;
  const claims = await verifyToken(adminToken, given, Date.now());
  if (!claims) return undefined;
  const { id, project, role, exp } = claims;
  return { actor: id, project, role, expiresAt: exp * 1000 };
}
