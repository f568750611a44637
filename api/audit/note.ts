/** Which refusals are worth remembering, and what of them. */
import type { Context } from "hono";
import { ERRORS, SkeinError } from "../../shared/errors/errors.ts";
import type { AppEnv } from "../http/route.ts";
import { refusalsOf } from "../platform/objects.ts";

/** It is there, in another project: answered as if it were not, and remembered. */
export class Elsewhere extends SkeinError {}

const REMEMBERED: ReadonlySet<number> = new Set([401, 403, 409, 429]);

/**
 * Ids and names as ours are. What else a caller puts there may be anything, a secret pasted into the wrong place too:
 * it is left out.
 */
const NAMED = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|[a-z]{3,4}_[0-9a-z]{26})$/;

/** Remembers an error as a refusal where it is one. Takes no time of the request's, and never fails it. */
export function noteRefusal(context: Context<AppEnv>, error: unknown): void {
  if (!(error instanceof SkeinError)) return;
  const { status } = ERRORS[error.code];
  // Neither is set where the request did not get so far.
  const operation = context.get("operation") as string | undefined;
  const caller = context.get("caller") as AppEnv["Variables"]["caller"] | undefined;
  if (operation === undefined || !(REMEMBERED.has(status) || error instanceof Elsewhere)) return;
  const asked = context.req.param("id") ?? "";
  const noted = refusalsOf(context.env).note({
    at: Date.now(),
    actor: caller?.actor ?? null,
    project: caller?.project ?? null,
    action: operation,
    target: NAMED.test(asked) ? asked : null,
    status,
    code: error.code,
  });
  context.executionCtx.waitUntil(
    noted.catch((cause: unknown) => console.error("a refusal is not in the audit log:", cause)),
  );
}
