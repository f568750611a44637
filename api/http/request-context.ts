/** Values that a request carries to its handler. */
import type { OperationId, Role } from "../../shared/access/access.ts";
import type { By } from "../platform/messages.ts";

/** Who calls; `actor` is the token's id. */
export interface Caller extends By {
  actor: string;
  project: string;
  role: Role;
  /** When the token expires, ms since 1970; null: never (api/access/token-watch.ts). */
  expiresAt: number | null;
}

export interface AppEnv {
  Bindings: Cloudflare.Env;
  Variables: {
    /** Set before the handler if the operation needs a token. */
    caller: Caller;
    /** Set on every route. */
    operation: OperationId;
  };
}
