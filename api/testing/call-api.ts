/** Requests of the API's tests, made as a client would; each answer is checked against the document. */
import { env, exports } from "cloudflare:workers";
import { expect } from "vitest";
import type { Role } from "../../shared/access/access.ts";
import type { Problem } from "../../shared/errors/errors.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { app } from "../app.ts";
import { documentOf } from "../http/document.ts";

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

const ORIGIN = "https://skein.test";

/** Sends a request as the admin. A body that is text or bytes goes as it is; `headers` win. */
export async function call<T = unknown>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string | undefined> = {},
): Promise<Answer<T>> {
  const all = {
    authorization: `Bearer ${env.SKEIN_ADMIN_TOKEN}`,
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...headers,
  };
  const response = await exports.default.fetch(
    new Request(ORIGIN + path, {
      method,
      headers: Object.fromEntries(
        Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ),
      ...(body === undefined ? {} : { body: raw(body) }),
    }),
  );
  expectDocumented(method, path, response);
  // An event stream does not end.
  if (isStream(response)) await response.body?.cancel();
  const text = isStream(response) ? "" : await response.text();
  const json = text !== "" && /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    body: (json ? JSON.parse(text) : text) as T,
  };
}

/** The status, the code and the fields of a problem; also checks that it is one. */
export function problem({ status, headers, body }: Answer<unknown>): [number, string, string[]] {
  expect(headers.get("content-type")).toBe("application/problem+json");
  const { code, errors, ...rest } = body as Problem;
  expect(rest).toMatchObject({ type: `urn:skein:error:${code}`, status });
  return [status, code, (errors ?? []).map(({ field }) => field)];
}

/** Creates a session, which must be accepted. */
export async function create(body: object = {}, query = ""): Promise<SessionView> {
  const answer = await call<SessionView>("POST", `/v1/sessions${query}`, { image: "debian:12", ...body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(202);
  return answer.body;
}

/** The session once it is running, failed or terminated. */
export async function settled(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}?wait=20`)).body;
}

/** The session once it is over. A running one counts as settled: ask for this only when its end has begun. */
export async function ended(id: string): Promise<SessionView> {
  const session = await settled(id);
  expect(["terminated", "failed"]).toContain(session.status);
  return session;
}

/** A token made over HTTP, and the header that carries it. */
export async function mint(role: Role, project = "default", more: object = {}) {
  const answer = await call<{ id: string; token: string; expiresAt: string }>("POST", "/v1/tokens", {
    project,
    role,
    ...more,
  });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return { ...answer.body, headers: { authorization: `Bearer ${answer.body.token}` } };
}

function isStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

function raw(body: unknown): string | Uint8Array<ArrayBuffer> {
  return typeof body === "string" || body instanceof Uint8Array
    ? (body as string | Uint8Array<ArrayBuffer>)
    : JSON.stringify(body);
}

function expectDocumented(method: string, path: string, response: Response): void {
  const { pathname } = new URL(ORIGIN + path);
  const item = Object.entries(documentOf(app).paths ?? {}).find(([template]) =>
    new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, "[^/]+")}$`).test(pathname),
  )?.[1] as Record<string, { responses: Record<string, { content?: object }> }> | undefined;
  // HTTP gives every GET a HEAD (RFC 9110, 9.3.2).
  const operation = item?.[method === "HEAD" ? "get" : method.toLowerCase()];
  if (!operation) {
    expect([401, 404, 405]).toContain(response.status);
    return;
  }
  const documented = operation.responses[response.status];
  expect(documented, `${method} ${path} answers ${response.status}`).toBeDefined();
  const type = response.headers.get("content-type")?.split(";")[0];
  if (documented?.content) expect(Object.keys(documented.content)).toContain(type);
}
