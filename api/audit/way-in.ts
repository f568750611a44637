/** Ways into containers in the audit log: who, which container, what kind. Never what went through. */
import type { Context } from "hono";
import type { AppEnv } from "../http/request-context.ts";
import type { WayIn } from "../platform/messages.ts";
import { fleetOf } from "../platform/objects.ts";

interface Where {
  /** The session's id. */
  session: string;
  host: string;
  port?: number;
}

/**
 * Call in the route of that operation once nothing is left to refuse, and before the way opens: the entry is stored when this resolves. Its
 * target is `SESSION/HOST`, or `SESSION/HOST:PORT`. One call to Fleet; a repeated connection to a port writes nothing.
 */
export async function noteWayIn(context: Context<AppEnv>, { session, host, port }: Where): Promise<void> {
  const { actor, project } = context.get("caller");
  const target = `${session}/${host}${port === undefined ? "" : `:${port}`}`;
  await fleetOf(context.env).noteWayIn({ actor, project }, context.get("operation") as WayIn, target);
}
