/** The OpenAPI document as one HTML page, without scripts or resources from other servers. */
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { STYLE } from "./style.ts";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** The parts of OpenAPI that our own document uses. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  example?: unknown;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

interface Content {
  [type: string]: { schema?: Schema };
}

interface Operation {
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  security?: object[];
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema: Schema }[];
  requestBody?: { content: Content };
  responses: Record<string, { description: string; content?: Content }>;
}

export function page(document: object) {
  const { info, tags, paths, components } = document as {
    info: { title: string; version: string; description: string };
    tags: { name: string; description: string }[];
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, Schema> };
  };
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, ...operation })),
  );
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${info.title} API</title>
<style>${raw(STYLE)}</style>
<h1>${info.title} API <small>${info.version}</small></h1>
<p>${info.description} The same as <a href="/openapi.json">OpenAPI 3.1</a>.</p>
${tags.map(
  (tag) => html`<h2>${tag.name}</h2><p>${tag.description}.</p>
${operations.filter(({ tags: [first] }) => first === tag.name).map(operationHtml)}`,
)}
<h2>Types</h2>
${Object.entries(components.schemas).map(
  ([name, schema]) =>
    html`<section id="${name}"><h3>${name}</h3>${schema.description ? html`<p>${schema.description}.</p>` : ""}${fields(schema)}</section>`,
)}
</html>`;
}

function operationHtml({ path, method, ...operation }: Operation & { path: string; method: string }): Html {
  const { parameters = [], requestBody, responses } = operation;
  return html`<details id="${operation.operationId}">
<summary><b class="${method}">${method.toUpperCase()}</b> <code>${path}</code> ${operation.summary}</summary>
<p>${prose(operation.description)}${operation.security ? "" : " No bearer token."}</p>
${
  parameters.length === 0
    ? ""
    : html`<table><tr><th>parameter<th>type<th>what</tr>${parameters.map(
        (each) =>
          html`<tr><td><code>${each.name}</code> <small>${each.in}${each.required ? "" : ", optional"}</small><td>${typeOf(each.schema)}<td>${prose(each.description ?? "")}</tr>`,
      )}</table>`
}
${requestBody ? html`<p>Body: ${contentType(requestBody.content)}.</p>` : ""}
<table><tr><th>status<th>body<th>what</tr>${Object.entries(responses).map(
    ([status, response]) =>
      html`<tr><td>${status}<td>${response.content ? contentType(response.content) : ""}<td>${prose(response.description)}</tr>`,
  )}</table>
</details>`;
}

/** Text with `code` in it. */
function prose(text: string): Html {
  return html`${text.split("`").map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}

function contentType(content: Content): Html {
  return html`${Object.entries(content).map(([type, { schema }]) => html`<small>${type}</small> ${schema ? typeOf(schema) : ""}`)}`;
}

function fields(schema: Schema): Html {
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) return html`<p>${typeOf(schema)}</p>`;
  return html`<table><tr><th>field<th>type<th>what<th>example</tr>${properties.map(
    ([name, of]) =>
      html`<tr><td><code>${name}</code>${schema.required?.includes(name) ? "" : html` <small>optional</small>`}<td>${typeOf(of)}<td>${of.description ?? ""}<td>${of.example === undefined ? "" : html`<code>${JSON.stringify(of.example)}</code>`}</tr>${nested(name, of)}`,
  )}</table>`;
}

/** The fields of an unnamed object, or of a list of such objects. */
function nested(name: string, of: Schema): Html | "" {
  const inner = of.properties ? of : of.items?.properties ? of.items : undefined;
  if (!inner) return "";
  const prefix = inner === of ? `${name}.` : `${name}[].`;
  return html`${Object.entries(inner.properties!).map(
    ([key, field]) =>
      html`<tr><td><code>${prefix}${key}</code>${inner.required?.includes(key) ? "" : html` <small>optional</small>`}<td>${typeOf(field)}<td>${field.description ?? ""}<td>${field.example === undefined ? "" : html`<code>${JSON.stringify(field.example)}</code>`}</tr>${nested(prefix + key, field)}`,
  )}`;
}

function typeOf(schema: Schema): Html {
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1)!;
    return html`<a href="#${name}">${name}</a>`;
  }
  const either = schema.anyOf ?? schema.oneOf ?? (schema.allOf?.length === 1 ? schema.allOf : undefined);
  if (either) return html`${either.map((each, i) => html`${i > 0 ? " or " : ""}${typeOf(each)}`)}`;
  if (schema.enum) return html`${schema.enum.map((value) => JSON.stringify(value)).join(" | ")}`;
  if (schema.items) return html`list of ${typeOf(schema.items)}`;
  if (typeof schema.additionalProperties === "object")
    return html`map to ${typeOf(schema.additionalProperties)}`;
  return html`${[schema.type ?? "anything"].flat().join(" or ")}`;
}
