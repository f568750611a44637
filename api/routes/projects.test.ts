/** Projects: one project's sessions do not exist for the others, in any role and operation. */
import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ACCESS, allows, isRole, type OperationId, ROLES } from "../../shared/access/access.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { app } from "../app.ts";
import { documentOf } from "../http/document.ts";
import { newId } from "../platform/ids.ts";
import { call, ended, mint, problem } from "../testing/call-api.ts";
import { readyNode } from "../testing/fake-agent.ts";
import { withSettings } from "../testing/settings.ts";

afterEach(() => reset());

type Headers = Record<string, string>;
let a: Headers;
let b: Headers;

beforeEach(async () => {
  a = (await mint("user", "a")).headers;
  b = (await mint("user", "b")).headers;
});

async function create(headers: Headers, body: object = {}): Promise<SessionView> {
  const answer = await call<SessionView>("POST", "/v1/sessions", { image: "x", ...body }, headers);
  expect(answer.status, JSON.stringify(answer.body)).toBe(202);
  return answer.body;
}

async function names(headers: Headers, query = ""): Promise<string[]> {
  const page = await call<{ items: SessionView[]; nextCursor: string | null }>(
    "GET",
    `/v1/sessions${query}`,
    undefined,
    headers,
  );
  return page.body.items.map(({ name }) => name);
}

interface Operation {
  operationId: OperationId;
  parameters?: { in: string; name: string; required?: boolean }[];
}

/** Every URL of one session, by method, and the least role for it. */
const URLS = Object.entries(documentOf(app).paths ?? {})
  .filter(([path]) => path.startsWith("/v1/sessions/{id}"))
  .flatMap(([path, item]) =>
    Object.entries(item as Record<string, Operation>).map(([method, { operationId, parameters = [] }]) => {
      const least: string = ACCESS[operationId];
      if (!isRole(least)) throw new Error(`anybody may ${operationId}`);
      const filled = path.replace("{host}", "main1").replace("{port}", "80").replace("{name}", "notebook");
      const needed = parameters.filter((each) => each.in === "query" && each.required);
      const query = needed.length > 0 ? `?${needed.map(({ name }) => `${name}=/x`).join("&")}` : "";
      return { method: method.toUpperCase(), path: filled + query, least };
    }),
  );

describe("another project's session", () => {
  test("there are URLs to try", () => expect(URLS.length).toBeGreaterThanOrEqual(3));

  test.each(ROLES)("does not exist for a %s, by id and by name, and stays as it is", async (role) => {
    const { id, name } = await create(b, { name: "secret" });
    const stranger = (await mint(role, "a")).headers;
    const missing = { id: newId("ses"), name: "never-was" };
    for (const { method, path } of URLS.filter(({ least }) => allows(role, least))) {
      for (const [theirs, none] of [
        [id, missing.id],
        [name, missing.name],
      ] as const) {
        const answer = await call<object>(method, path.replace("{id}", theirs), undefined, stranger);
        expect([method, path, ...problem(answer)]).toEqual([method, path, 404, "not_found", []]);
        const never = await call<object>(method, path.replace("{id}", none), undefined, stranger);
        expect(JSON.stringify(answer.body).replaceAll(theirs, "X")).toBe(
          JSON.stringify(never.body).replaceAll(none, "X"),
        );
      }
    }
    // Waiting for it reveals nothing either.
    const waited = await call("GET", `/v1/sessions/${id}?wait=60`, undefined, stranger);
    expect(problem(waited)).toEqual([404, "not_found", []]);
    expect(await names(stranger)).toEqual([]);
    expect((await call<SessionView>("GET", `/v1/sessions/${id}`, undefined, b)).body.status).toBe("pending");
  });

  test("does not exist for the installation's own token, which belongs to project default", async () => {
    const { id } = await create(b);
    expect((await call("GET", `/v1/sessions/${id}`)).status).toBe(404);
    expect((await call<{ items: [] }>("GET", "/v1/sessions")).body.items).toEqual([]);
  });

  test("is in no list, on no page, with no status", async () => {
    for (const i of [0, 1, 2]) {
      await create(a, { name: `a${i}` });
      await create(b, { name: `b${i}` });
    }
    expect(await names(a)).toEqual(["a2", "a1", "a0"]);
    expect(await names(b, "?status=pending")).toEqual(["b2", "b1", "b0"]);
    type Page = { items: SessionView[]; nextCursor: string | null };
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: Page = (
        await call<Page>("GET", `/v1/sessions?limit=1${cursor && `&cursor=${cursor}`}`, undefined, b)
      ).body;
      expect(page.items).toHaveLength(1);
      seen.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(["b2", "b1", "b0"]);
  });
});

test("a project's own session answers on each of its URLs", async () => {
  for (const { method, path } of URLS) {
    const { id } = await create(a, { apps: [{ name: "notebook", port: 8888 }] });
    const { status } = await call(method, path.replace("{id}", id), undefined, a);
    expect([method, path, status]).toEqual([method, path, expect.toBeOneOf([200, 202, 409, 415, 422])]);
  }
});

test("one name can be live in two projects at once, and each ends its own", async () => {
  const { link } = await readyNode();
  link.follow();
  const [mine, theirs] = [await create(a, { name: "train" }), await create(b, { name: "train" })];
  expect(mine.id).not.toBe(theirs.id);
  for (const headers of [a, b]) {
    expect(problem(await call("POST", "/v1/sessions", { image: "x", name: "train" }, headers))).toEqual([
      409,
      "name_in_use",
      [],
    ]);
  }
  expect((await call("DELETE", "/v1/sessions/train", undefined, a)).status).toBe(202);
  const over = await call<SessionView>("GET", "/v1/sessions/train?wait=20", undefined, a);
  expect(over.body).toMatchObject({ id: mine.id, status: "terminated" });
  const left = await call<SessionView>("GET", "/v1/sessions/train?wait=20", undefined, b);
  expect(left.body).toMatchObject({ id: theirs.id, status: "running" });
});

test("one Idempotency-Key makes a session in each of two projects, also with different bodies", async () => {
  const key = { "idempotency-key": "k" };
  const [mine, theirs] = [await create({ ...a, ...key }), await create({ ...b, ...key }, { clusterSize: 2 })];
  expect(mine.id).not.toBe(theirs.id);
  expect((await create({ ...a, ...key })).id).toBe(mine.id);
  expect((await create({ ...b, ...key }, { clusterSize: 2 })).id).toBe(theirs.id);
});

test("limits count each project's own", async () => {
  const refused = async (headers: Headers, body: object) =>
    problem(await call("POST", "/v1/sessions", { image: "x", ...body }, headers))[1];
  await withSettings({ maxLiveSessions: 2, maxLiveContainers: 5 }, async () => {
    await create(a, { clusterSize: 3 });
    expect(await refused(a, { clusterSize: 3 })).toBe("too_many_live_containers");
    const last = await create(b, { clusterSize: 3 });
    await create(a);
    expect(await refused(a, {})).toBe("too_many_live_sessions");
    await create(b);
    expect(await refused(b, {})).toBe("too_many_live_sessions");
    await call("DELETE", `/v1/sessions/${last.id}`, undefined, b);
    await call("GET", `/v1/sessions/${last.id}?wait=20`, undefined, b);
    await create(b);
    expect(await refused(a, {})).toBe("too_many_live_sessions");
  });
});

test("what the installation's own token makes belongs to project default", async () => {
  const { headers } = await mint("user", "default");
  const session = await create(headers);
  await call("DELETE", `/v1/sessions/${session.id}`);
  expect((await ended(session.id)).status).toBe("terminated");
});
