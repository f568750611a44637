/** The OpenAPI 3.1 document, from the routes as they are declared. */
import type { App } from "./route.ts";

export type Document = ReturnType<App["getOpenAPI31Document"]>;

let made: Document | undefined;

/** Made at first use: it needs all routes, and is the same for everybody. */
export function documentOf(app: App): Document {
  made ??= withPortablePatterns(
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
        { name: "meta", description: "The API itself" },
      ],
    }),
  );
  return made;
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
