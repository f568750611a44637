/** Judges answers by the OpenAPI document: which answers it allows to a request. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { TokenMade } from "../../shared/access/access-schemas.ts";
import { ERRORS } from "../../shared/errors/errors.ts";
import { ProblemView } from "../../shared/errors/problem-schema.ts";
import { AgentJoined, JoinToken, NodeView } from "../../shared/node/node-schemas.ts";
import { PlanView } from "../../shared/plan/plan-schema.ts";
import { SessionView } from "../../shared/session/session-schemas.ts";

export interface Schema {
  $ref?: string;
  type?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | false;
  items?: Schema;
  pattern?: string;
  example?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  minItems?: number;
}

interface Content {
  schema?: Schema;
  example?: unknown;
}

export interface Operation {
  parameters?: { name: string; in: string; schema: Schema }[];
  requestBody?: { content: Record<string, Content> };
  responses: Record<string, { content?: Record<string, Content> }>;
}

const document = JSON.parse(readFileSync(join(import.meta.dirname, "../../sdk/openapi.json"), "utf8")) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

export const PATHS = document.paths;

export function schemaOf(schema: Schema): Schema {
  return schema.$ref ? document.components.schemas[schema.$ref.split("/").at(-1)!]! : schema;
}

const BODIES: Record<string, z.ZodType> = {
  AgentJoined,
  JoinToken,
  Node: NodeView,
  Plan: PlanView,
  Problem: ProblemView,
  Session: SessionView,
  TokenMade,
};

export interface Answer {
  status: number;
  type: string;
  body: string;
}

/** The problem with an answer; undefined if there is none. */
export function faultOf(method: string, path: string, { status, type, body }: Answer): string | undefined {
  if (status >= 500) return `answers ${status}`;
  const [plain] = path.split("?") as [string];
  const candidates = Object.entries(PATHS).filter(([template]) =>
    new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, "[^/]+")}$`).test(plain),
  );
  // HTTP gives every GET a HEAD (RFC 9110, 9.3.2).
  const key = method === "HEAD" ? "get" : method.toLowerCase();
  const operations = candidates.flatMap(([, item]) => (item[key] ? [item[key]] : []));
  if (operations.length === 0 && ![401, 404, 405, 429].includes(status))
    return `answers ${status} to what is not there`;
  const documented = operations.find(({ responses }) => responses[status])?.responses[status];
  if (operations.length > 0 && !documented) return `answers ${status}, which is not documented`;
  if (method === "HEAD") return undefined;
  const allowed = operations.length > 0 ? documented?.content : { "application/problem+json": {} };
  if (!allowed) return body === "" ? undefined : `answers ${status} with a body`;
  if (!(type in allowed)) return `answers ${status} as ${type}`;
  return /[/+]json$/.test(type) ? faultOfBody(status, body, allowed[type]?.schema) : undefined;
}

function faultOfBody(status: number, body: string, schema: Schema | undefined): string | undefined {
  const json = JSON.parse(body) as { code?: string };
  const name = status >= 400 ? "Problem" : (schema?.$ref?.split("/").at(-1) ?? "");
  const read = BODIES[name]?.safeParse(json);
  if (read && !read.success) return `answers ${status} with a ${name} that is none: ${read.error.message}`;
  if (status < 400) return undefined;
  const known = Object.entries(ERRORS).some(([code, each]) => code === json.code && each.status === status);
  return known ? undefined : `answers ${status} with the code ${json.code}`;
}
