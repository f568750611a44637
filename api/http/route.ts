/** Declares routes, so that their documentation matches their answers. */
import { OpenAPIHono, type RouteConfig } from "@hono/zod-openapi";
import type { z } from "zod";
import { invalidFields } from "../../shared/errors/errors.ts";
import { fieldErrors } from "../../shared/request/spec.ts";
import type { AppEnv } from "./request-context.ts";

export type App = OpenAPIHono<AppEnv>;

/** The router validates query and path; this turns its errors into a problem. */
export function newApp(): App {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidFields(fieldErrors(result.error));
    },
  });
}

/**
 * Documents a route with its JSON body, but registers it without. The router would otherwise validate the body too, in another way than
 * body.ts, which the handlers use.
 */
export function withBody<R extends RouteConfig>(app: App, route: R, schema: z.ZodType, example: object): R {
  const body = { required: true, content: { "application/json": { schema, example } } };
  const documented: RouteConfig = { ...route, request: { ...route.request, body } };
  // The middleware is not part of the document.
  delete documented.middleware;
  app.openAPIRegistry.registerPath(documented);
  return { ...route, hide: true };
}

export function json<T extends z.ZodType>(schema: T, description: string, example?: object) {
  return { description, content: { "application/json": { schema, ...(example ? { example } : {}) } } };
}

/** An answer of bytes. The router's types know only the bodies that it makes itself, so this one fits every route. */
export function streamed(body: ReadableStream<Uint8Array> | null, headers: Record<string, string>): never {
  return new Response(body, { headers }) as never;
}
