/** Who may call, and how often: the bearer token, compared without telling by time how much of it was right. */
import { createMiddleware } from "hono/factory";
import { SkeinError } from "../shared/errors.ts";
import { sha256, sha256Hex } from "./hash.ts";
import { limiterOf } from "./objects.ts";
import type { AppEnv } from "./route.ts";

export const bearer = createMiddleware<AppEnv>(async function requireBearer(context, next) {
  const given = /^Bearer +([^\s]+)$/i.exec(context.req.header("authorization") ?? "")?.[1];
  const admin = context.env.SKEIN_ADMIN_TOKEN;
  // Without a token of its own the API lets nobody in. Hashes have equal lengths, as the comparison needs.
  const right =
    given !== undefined &&
    Boolean(admin) &&
    crypto.subtle.timingSafeEqual(await sha256(given), await sha256(admin));
  if (!right)
    throw new SkeinError("unauthorized", "send the header Authorization: Bearer TOKEN with the API's token");
  // One bucket for each token, known by its digest: an object's name is no place for a secret.
  const retryAfter = await limiterOf(context.env, await sha256Hex(given)).spend();
  if (retryAfter > 0) {
    throw new SkeinError("rate_limited", `this token asks too often: wait ${retryAfter} s`, { retryAfter });
  }
  await next();
});
