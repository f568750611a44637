/** The objects by name. */
import { hashOf } from "../../shared/network/text-hash.ts";

/** By its binding, not by its class: the classes import this file, so it must not import them. */
type Stub<Binding extends "FLEET" | "SESSION" | "LINK" | "TUNNEL" | "LIMITER" | "REFUSALS" | "FEED"> =
  ReturnType<Cloudflare.Env[Binding]["get"]>;

/**
 * How many Link objects hold the agents' sockets: 10,000 nodes give about 160 each. A hash of the node's id and this number gives its Link,
 * so the number may change only while no agent is connected.
 */
export const LINK_OBJECTS = 64;

export function fleetOf(env: Cloudflare.Env): Stub<"FLEET"> {
  return env.FLEET.get(env.FLEET.idFromName("default"));
}

export function sessionOf(env: Cloudflare.Env, id: string): Stub<"SESSION"> {
  return env.SESSION.get(env.SESSION.idFromName(id));
}

/** The number of the Link that serves a node, from 0. */
export function linkNumberOf(node: string): number {
  return hashOf(node) % LINK_OBJECTS;
}

export function linkAt(env: Cloudflare.Env, number: number): Stub<"LINK"> {
  return env.LINK.get(env.LINK.idFromName(`link-${number}`));
}

/** The Link that holds a node's socket. */
export function linkOf(env: Cloudflare.Env, node: string): Stub<"LINK"> {
  return linkAt(env, linkNumberOf(node));
}

/** The streams of a session's containers, by the session's id. */
export function tunnelOf(env: Cloudflare.Env, session: string): Stub<"TUNNEL"> {
  return env.TUNNEL.get(env.TUNNEL.idFromName(session));
}

/** By a token's id. */
export function limiterOf(env: Cloudflare.Env, token: string): Stub<"LIMITER"> {
  return env.LIMITER.get(env.LIMITER.idFromName(token));
}

export function refusalsOf(env: Cloudflare.Env): Stub<"REFUSALS"> {
  return env.REFUSALS.get(env.REFUSALS.idFromName("default"));
}

/** The events of a project. */
export function feedOf(env: Cloudflare.Env, project: string): Stub<"FEED"> {
  return env.FEED.get(env.FEED.idFromName(project));
}
