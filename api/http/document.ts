/** The OpenAPI 3.1 document, from the routes as they are declared. */
import { ACCESS, isRole, type OperationId } from "../../shared/access/access.ts";
import type { App } from "./route.ts";

export type Document = ReturnType<App["getOpenAPI31Document"]>;

let made: Document | undefined;

/** Made at first use, when all routes exist; it is the same for every caller. */
export function documentOf(app: App): Document {
  made ??= withPortablePatterns(
    withRoles(
      app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: {
          title: "Skein",
          version: "0.1.0",
          description: "Turns Docker hosts behind firewalls into private clusters with one API call.",
          license: { name: "Apache-2.0" },
        },
        servers: [{ url: "/" }],
        tags: [
          { name: "sessions", description: "Gangs of containers on a private network" },
          { name: "nodes", description: "Machines with Docker and an agent" },
          { name: "agents", description: "What an agent calls" },
          { name: "access", description: "Who may do what, and who did" },
          { name: "meta", description: "The API itself" },
        ],
      }),
    ),
  );
  return made;
}

/** Each operation names the role that it needs, from the access table. */
function withRoles(document: Document): Document {
  for (const item of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(
      item as Record<string, { operationId: OperationId; description: string }>,
    )) {
      const least: string = ACCESS[operation.operationId];
      if (isRole(least))
        operation.description += ` Needs the role \`${least}\`${least === "admin" ? "" : " or more"}.`;
    }
  }
  return document;
}

/**
 * The generator writes a RegExp with flags as `…/u`. JSON Schema's patterns are Unicode ones anyway, and cannot
 * ignore case: such a pattern is left out.
 */
function withPortablePatterns<T>(document: T): T {
  const text = JSON.stringify(document, (key, value: unknown) => {
    if (key !== "pattern" || typeof value !== "string") return value;
    const flags = /\/([a-z]+)$/.exec(value);
    if (!flags) return value;
    return flags[1] === "u" ? value.slice(0, -2) : undefined;
  });
  return JSON.parse(text) as T;
}
