/** Who calls, how often, and may they: the bearer token, checked at the edge, and the table of access. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { ACCESS, allows, isRole, type OperationId, type Role } from "../../shared/access/access.ts";
import { SkeinError } from "../../shared/errors/errors.ts";
import { verifyToken } from "../access/signed-tokens.ts";
import { sha256 } from "../platform/hash.ts";
import type { By } from "../platform/messages.ts";
import { limiterOf } from "../platform/objects.ts";
import type { AppEnv } from "./route.ts";

/** Who calls; `actor` is the token's id. */
export interface Caller extends By {
  actor: string;
  project: string;
  role: Role;
}

/** The bearer of the installation's own token. */
const INSTALLATION: Caller = { actor: "admin-token", project: "default", role: "admin" };

/** What a route declares to be guarded as the table says: spread it into the route. */
export function access(operationId: OperationId) {
  const least: string = ACCESS[operationId];
  return {
    operationId,
    ...(isRole(least) ? { security: [{ bearer: [] }] } : {}),
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

/** For what no route answers: strangers are told no more than that they are. */
export const bearer = createMiddleware<AppEnv>(async function requireBearer(context, next) {
  await authenticate(context);
  await next();
});

/** Finds out who calls, and takes the request out of their token's bucket. */
async function authenticate(context: Context<AppEnv>): Promise<Caller> {
  const { env } = context;
  const given = /^Bearer +([^\s]+)$/i.exec(context.req.header("authorization") ?? "")?.[1];
  // Without a token of its own the API lets nobody in.
  const caller = given && env.SKEIN_ADMIN_TOKEN ? await callerOf(given, env.SKEIN_ADMIN_TOKEN) : undefined;
  if (!caller) {
    throw new SkeinError(
      "unauthorized",
      "send the header Authorization: Bearer TOKEN with a token of this API",
    );
  }
  context.set("caller", caller);
  // One object for each token, so that neither a flood nor its revocation is anybody else's concern.
  const { revoked, retryAfter } = await limiterOf(env, caller.actor).spend();
  if (revoked) throw new SkeinError("unauthorized", "this token was revoked: ask an admin for another");
  if (retryAfter > 0) {
    throw new SkeinError("rate_limited", `this token asks too often: wait ${retryAfter} s`, { retryAfter });
  }
  return caller;
}

async function callerOf(given: string, adminToken: string): Promise<Caller | undefined> {
  // Compared without telling by time how much of it was right. Hashes have equal lengths, as the comparison needs.
  if (crypto.subtle.timingSafeEqual(await sha256(given), await sha256(adminToken))) return INSTALLATION;
  const claims = await verifyToken(adminToken, given, Date.now());
  return claims && { actor: claims.id, project: claims.project, role: claims.role };
}
