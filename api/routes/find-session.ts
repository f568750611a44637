/** Finds the session that a path names, in the caller's project. */
import type { Context } from "hono";
import { z } from "zod";
import { SkeinError } from "../../shared/errors/errors.ts";
import { Elsewhere } from "../audit/note.ts";
import type { AppEnv } from "../http/request-context.ts";
import { ASK_AGAIN_AFTER } from "../http/unavailable.ts";
import type { Lookup } from "../platform/messages.ts";
import { fleetOf } from "../platform/objects.ts";

export const SessionParam = z.object({
  id: z.string().max(256).openapi({
    description: "Id, or name: the live session of that name, else the latest",
    example: "train",
  }),
});

export const ContainerParam = SessionParam.extend({
  host: z.string().max(64).openapi({ description: "The container's host name", example: "main1" }),
});

/** Its id. Looks up ids, too: a Session object that is called leaves a file behind, even for an unknown id. */
export async function sessionIdOf(context: Context<AppEnv>, idOrName: string): Promise<string> {
  const { project } = context.get("caller");
  return own(idOrName, await fleetOf(context.env).findSession(project, idOrName));
}

/** The index may have a session before its object does: Fleet delivers it as soon as it can. */
export function present<T>(idOrName: string, lookup: Lookup<T>): T {
  if (lookup.found !== undefined || lookup.elsewhere) return own(idOrName, lookup);
  throw new SkeinError(
    "unavailable",
    `${idOrName} is accepted, but the API has not stored all of it yet: retry`,
    { retryAfter: ASK_AGAIN_AFTER },
  );
}

/** A session of another project gets the same answer as an unknown one. */
export function own<T>(idOrName: string, lookup: Lookup<T>): T {
  if (lookup.found !== undefined) return lookup.found;
  throw new (lookup.elsewhere ? Elsewhere : SkeinError)("not_found", `no session ${idOrName}`);
}

/** For messages: not all of a thousand. */
export function few(hosts: readonly string[]): string {
  return hosts.length <= 8
    ? hosts.join(", ")
    : `${hosts.slice(0, 8).join(", ")} and ${hosts.length - 8} more`;
}
