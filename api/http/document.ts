/** The OpenAPI 3.1 document, from the routes as they are declared. */
import { ACCESS, isRole, type OperationId } from "../../shared/access/access.ts";
import { type Described, samplesOf } from "./docs/samples.ts";
import { portable } from "./portable.ts";
import type { App } from "./route.ts";

export type Document = ReturnType<App["getOpenAPI31Document"]>;

/** The builder's types are those of OpenAPI 3.0, which has no `identifier`. */
const LICENSE = { name: "Apache License 2.0", identifier: "Apache-2.0" };

let made: Document | undefined;

/** Made at first use, when all routes exist; it is the same for every caller. */
export function documentOf(app: App): Document {
  made ??= portable(
    withRolesAndSamples(
      app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: {
          title: "Skein",
          version: "0.1.0",
          description: "Turns Docker hosts behind firewalls into private clusters with one API call.",
          license: LICENSE,
        },
        servers: [{ url: "/" }],
        tags: [
          { name: "sessions", description: "Gangs of containers on a private network" },
          { name: "streams", description: "Ways into a container" },
          { name: "nodes", description: "Machines with Docker and an agent" },
          { name: "agents", description: "What an agent calls" },
          { name: "registries", description: "Credentials for private images" },
          { name: "access", description: "Who may do what, and who did" },
          { name: "meta", description: "The API itself" },
        ],
      }),
    ),
  );
  return made;
}

interface Operation extends Described {
  operationId: OperationId;
  description: string;
  "x-codeSamples"?: object[];
}

/** Each operation names the role that it needs, from the access table, and shows how it is called. */
function withRolesAndSamples(document: Document): Document {
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(item as Record<string, Operation>)) {
      const least: string = ACCESS[operation.operationId];
      if (isRole(least))
        operation.description += ` Needs the role \`${least}\`${least === "admin" ? "" : " or more"}.`;
      operation["x-codeSamples"] = samplesOf(method, path, operation);
    }
  }
  return document;
}
