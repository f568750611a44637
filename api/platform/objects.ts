/** The objects by name. */

export function fleetOf(env: Cloudflare.Env): DurableObjectStub<import("../index.ts").Fleet> {
  return env.FLEET.get(env.FLEET.idFromName("default"));
}

export function sessionOf(env: Cloudflare.Env, id: string): DurableObjectStub<import("../index.ts").Session> {
  return env.SESSION.get(env.SESSION.idFromName(id));
}

export function nodeOf(env: Cloudflare.Env, id: string): DurableObjectStub<import("../index.ts").Node> {
  return env.NODE.get(env.NODE.idFromName(id));
}

/** By a token's id. */
export function limiterOf(
  env: Cloudflare.Env,
  token: string,
): DurableObjectStub<import("../index.ts").Limiter> {
  return env.LIMITER.get(env.LIMITER.idFromName(token));
}

export function refusalsOf(env: Cloudflare.Env): DurableObjectStub<import("../index.ts").Refusals> {
  return env.REFUSALS.get(env.REFUSALS.idFromName("default"));
}
