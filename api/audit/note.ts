/** Which refusals go to the audit log, and which of their fields. */
import type { Context } from "hono";
import { ERRORS, SkeinError, skeinErrorOf } from "../../shared/errors/errors.ts";
import type { AppEnv } from "../http/request-context.ts";
import { logError } from "../platform/log-error.ts";
import { refusalsOf } from "../platform/objects.ts";

/** It exists in another project: the answer is `not_found`, and the audit log records it. */
export class Elsewhere extends SkeinError {}

const REMEMBERED: ReadonlySet<number> = new Set([401, 403, 409, 429]);

/** Matches valid ids and names. Other text is left out of the log, since it may be a secret that was pasted into the wrong place. */
const NAMED = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|[a-z]{3,4}_[0-9a-z]{26})$/;

/** Records an error in the audit log if it is a refusal. It neither delays the request nor fails it. */
export function noteRefusal(context: Context<AppEnv>, error: unknown): void {
  const ours = skeinErrorOf(error);
  if (!ours) return;
  const { status } = ERRORS[ours.code];
  // Neither is set if the request failed before.
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
    code: ours.code,
  });
  context.executionCtx.waitUntil(
    noted.catch((cause: unknown) => logError("a refusal is not in the audit log:", cause)),
  );
}
