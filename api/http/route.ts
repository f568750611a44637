/** How a route is declared: what it documents is what it answers. */
import { OpenAPIHono, type RouteConfig } from "@hono/zod-openapi";
import type { z } from "zod";
import type { OperationId } from "../../shared/access/access.ts";
import { invalidFields } from "../../shared/errors/errors.ts";
import { fieldErrors } from "../../shared/request/spec.ts";
import type { Caller } from "./auth.ts";

export interface AppEnv {
  Bindings: Cloudflare.Env;
  Variables: {
    /** Set where the operation asks for a token, before its handler. */
    caller: Caller;
    /** Set on every route. */
    operation: OperationId;
  };
}

export type App = OpenAPIHono<AppEnv>;

/** Query and path are checked by the router; what is wrong with them becomes a problem here. */
export function newApp(): App {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidFields(fieldErrors(result.error));
    },
  });
}

/**
 * Documents a route with its JSON body, and gives the route without it to the router: that would check the body too,
 * and in another way than the one reader (body.ts) that the handlers use.
 */
export function withBody<R extends RouteConfig>(app: App, route: R, schema: z.ZodType, example: object): R {
  const body = { required: true, content: { "application/json": { schema, example } } };
  const documented: RouteConfig = { ...route, request: { ...route.request, body } };
  // What guards the route is nothing to document.
  delete documented.middleware;
  app.openAPIRegistry.registerPath(documented);
  return { ...route, hide: true };
}

export function json<T extends z.ZodType>(schema: T, description: string, example?: object) {
  return { description, content: { "application/json": { schema, ...(example ? { example } : {}) } } };
}
