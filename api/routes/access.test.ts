/** Access control: every role, and every kind of bad token, on every operation of the document. */
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { ACCESS, allows, isRole, type OperationId, ROLES } from "../../shared/access/access.ts";
import type { TokenView } from "../../shared/access/access-schemas.ts";
import type { Problem } from "../../shared/errors/errors.ts";
import { signToken } from "../access/signed-tokens.ts";
import { app } from "../app.ts";
import { documentOf } from "../http/document.ts";
import { Limiter } from "../index.ts";
import { newId } from "../platform/ids.ts";
import { fleetOf, limiterOf } from "../platform/objects.ts";
import { call, create, mint, problem } from "../testing/call-api.ts";
import { withSettings } from "../testing/settings.ts";

afterEach(() => vi.restoreAllMocks());

interface Operation {
  operationId: OperationId;
  description: string;
  security: object[];
  requestBody?: { content: Record<string, { example: unknown }> };
}

const OPERATIONS = Object.entries(documentOf(app).paths ?? {}).flatMap(([path, item]) =>
  Object.entries(item as Record<string, Operation>).map(([method, operation]) => ({
    ...operation,
    method: method.toUpperCase(),
    // Nothing has that name: a caller with access gets `not_found`, one without learns nothing.
    path: path.replace("{id}", "none").replace(/connect$/, "connect?node=none"),
    body: operation.requestBody?.content["application/json"]?.example,
  })),
);

type Headers = Record<string, string | undefined>;

/** `unauthorized`, `forbidden`, or undefined: access was granted, whatever the answer. */
async function door({ method, path, body }: (typeof OPERATIONS)[number], headers: Headers) {
  const answer = await call<Partial<Problem> | string>(method, path, body, headers);
  const code = typeof answer.body === "string" ? undefined : answer.body.code;
  if (code !== "unauthorized" && code !== "forbidden") return undefined;
  expect(answer.status).toBe(code === "forbidden" ? 403 : 401);
  expect(answer.headers.get("www-authenticate")).toBe(code === "forbidden" ? null : "Bearer");
  return code;
}

test("every operation has its row, every row its operation, and the description names the role", () => {
  expect(OPERATIONS.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(ACCESS).sort());
  for (const { operationId, description, security } of OPERATIONS) {
    const least = ACCESS[operationId];
    expect([operationId, security.length > 0]).toEqual([operationId, isRole(least)]);
    if (isRole(least)) expect(description).toContain(`Needs the role \`${least}\``);
  }
});

describe.each(ROLES)("a %s", (role) => {
  let headers: Headers;
  beforeAll(async () => {
    ({ headers } = await mint(role));
  });
  afterAll(() => reset());

  test.each(OPERATIONS)("$operationId", async (operation) => {
    const least = ACCESS[operation.operationId];
    const expected = !isRole(least) || allows(role, least) ? undefined : "forbidden";
    expect(await door(operation, headers)).toBe(expected);
  });
});

/** Each makes the header of a request that the API must refuse as unauthorized. */
const STRANGERS: Record<string, () => Promise<string | undefined>> = {
  "no token": async () => undefined,
  "half a header": async () => "Bearer",
  "another scheme": async () => `Basic ${btoa(`admin:${env.SKEIN_ADMIN_TOKEN}`)}`,
  "a made-up token": async () => "Bearer skt_a.b",
  "an expired token": async () => {
    const exp = Math.floor(Date.now() / 1000) - 1;
    return `Bearer ${await signToken(env.SKEIN_ADMIN_TOKEN, claims({ exp }))}`;
  },
  "a token of another installation": async () => `Bearer ${await signToken("another", claims({}))}`,
  "a token whose claims were changed": async () => {
    const { token } = await mint("viewer");
    const other = await signToken("another", claims({}));
    return `Bearer ${other.split(".")[0]}.${token.split(".")[1]}`;
  },
  "a token whose signature was changed": async () => {
    const { token } = await mint("admin");
    const at = token.lastIndexOf(".") + 1;
    return `Bearer ${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
  },
  "a revoked token": async () => {
    const { id, headers } = await mint("admin");
    await call("DELETE", `/v1/tokens/${id}`);
    return headers.authorization;
  },
};

function claims(change: object) {
  return {
    id: newId("tok"),
    project: "default",
    role: "admin" as const,
    exp: Math.floor(Date.now() / 1000) + 60,
    ...change,
  };
}

describe.each(Object.keys(STRANGERS))("with %s", (what) => {
  let authorization: string | undefined;
  beforeAll(async () => {
    authorization = await STRANGERS[what]!();
  });
  afterAll(() => reset());

  test.each(OPERATIONS)("$operationId", async (operation) => {
    const expected = isRole(ACCESS[operation.operationId]) ? "unauthorized" : undefined;
    expect(await door(operation, { authorization })).toBe(expected);
  });

  test("what no route answers", async () => {
    for (const [method, path] of [
      ["GET", "/v1/nothing"],
      ["PUT", "/v1/sessions"],
      ["GET", "/v1/sessions/"],
      ["GET", "/v1//sessions"],
    ] as const) {
      expect(problem(await call(method, path, undefined, { authorization }))).toEqual([
        401,
        "unauthorized",
        [],
      ]);
    }
  });
});

test("HEAD needs the same role as GET", async () => {
  const { headers } = await mint("viewer");
  const head = async (path: string, given: HeadersInit) =>
    (
      await exports.default.fetch(
        new Request(`https://skein.test${path}`, { method: "HEAD", headers: given }),
      )
    ).status;
  expect(await head("/v1/sessions", {})).toBe(401);
  expect(await head("/v1/sessions", headers)).toBe(200);
  expect(await head("/v1/nodes", headers)).toBe(403);
});

describe("making a token", () => {
  beforeEach(() => reset());

  test("answers it once, with its claims, and forbids caching", async () => {
    const answer = await call<{ token: string; expiresAt: string }>("POST", "/v1/tokens", {
      project: "vision",
      role: "viewer",
      expiresIn: 90,
      note: "a note",
    });
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.body).toMatchObject({ project: "vision", role: "viewer" });
    expect(answer.body.token).toMatch(/^skt_[\w-]+\.[\w-]{43}$/);
    const seconds = (Date.parse(answer.body.expiresAt) - Date.now()) / 1000;
    expect(seconds).toBeGreaterThan(80);
    expect(seconds).toBeLessThanOrEqual(90);
    const { items } = (await call<{ items: TokenView[] }>("GET", "/v1/tokens")).body;
    const { token, ...listed } = answer.body;
    expect(items).toEqual([{ ...listed, note: "a note", createdAt: expect.any(String), revokedAt: null }]);
    expect(JSON.stringify(items)).not.toContain(token);
  });

  test("lasts 30 days by default, and never longer than the limit", async () => {
    const days = async () => (Date.parse((await mint("user")).expiresAt) - Date.now()) / 86_400_000;
    expect(await days()).toBeCloseTo(30, 2);
    const year = 365 * 86_400;
    await mint("user", "a", { expiresIn: year });
    expect(
      problem(await call("POST", "/v1/tokens", { project: "a", role: "user", expiresIn: year + 1 })),
    ).toEqual([400, "invalid_request", ["expiresIn"]]);
    await withSettings({ maxTokenSeconds: 86_400 }, async () => expect(await days()).toBeCloseTo(1, 2));
  });

  test.each([
    [{ role: "user" }, ["project"]],
    [{ project: "a" }, ["role"]],
    [{ project: "A b", role: "root" }, ["project", "role"]],
    [{ project: "a", role: "user", expiresIn: 0 }, ["expiresIn"]],
    [{ project: "a", role: "user", expiresIn: 1.5 }, ["expiresIn"]],
    [{ project: "a", role: "user", note: "a\nb" }, ["note"]],
    [{ project: "a", role: "user", id: "tok_x" }, ["id"]],
  ])("%j is refused", async (body, fields) => {
    const [status, code, at] = problem(await call("POST", "/v1/tokens", body));
    expect([status, code, at.map((field) => field || "id")]).toEqual([400, "invalid_request", fields]);
    expect((await call<{ items: [] }>("GET", "/v1/tokens")).body.items).toEqual([]);
  });

  test("stores no token in any table", async () => {
    const { token, headers } = await mint("admin");
    await call("GET", "/v1/audit", undefined, headers);
    await call("POST", "/v1/tokens", { project: "a", role: "user" }, headers);
    const dump = await runInDurableObject(fleetOf(env), (_, { storage }) =>
      storage.sql
        .exec<{ name: string }>(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
        )
        .toArray()
        .map(({ name }) => JSON.stringify(storage.sql.exec(`SELECT * FROM "${name}"`).toArray()))
        .join("\n"),
    );
    expect(dump).toContain("tok_");
    for (const part of token.split(".")) expect(dump).not.toContain(part);
  });

  test("lists page by page", async () => {
    const ids = [await mint("user"), await mint("user"), await mint("user")].map(({ id }) => id);
    type Page = { items: TokenView[]; nextCursor: string };
    const first = (await call<Page>("GET", "/v1/tokens?limit=2")).body;
    const second = (await call<Page>("GET", `/v1/tokens?limit=2&cursor=${first.nextCursor}`)).body;
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids.toReversed());
    expect(second.nextCursor).toBeNull();
  });
});

describe("revoking a token", () => {
  beforeEach(() => reset());

  const revokedAt = async (id: string) =>
    (await call<{ items: TokenView[] }>("GET", "/v1/tokens")).body.items.find((each) => each.id === id)
      ?.revokedAt;

  test("refuses that token alone, everywhere, at once and for good", async () => {
    const { id, headers } = await mint("user");
    const other = await mint("user");
    expect((await call("GET", "/v1/sessions", undefined, headers)).status).toBe(200);
    expect((await call("DELETE", `/v1/tokens/${id}`)).status).toBe(204);
    const refused = async () => problem(await call("GET", "/v1/sessions", undefined, headers));
    expect(await refused()).toEqual([401, "unauthorized", []]);
    expect((await call("GET", "/v1/sessions", undefined, other.headers)).status).toBe(200);
    await evictDurableObject(limiterOf(env, id));
    expect(await refused()).toEqual([401, "unauthorized", []]);
    expect(await revokedAt(id)).toEqual(expect.any(String));
    expect(await revokedAt(other.id)).toBeNull();
  });

  test("again changes nothing; one that never was is not found", async () => {
    const { id } = await mint("user");
    await call("DELETE", `/v1/tokens/${id}`);
    const first = await revokedAt(id);
    expect((await call("DELETE", `/v1/tokens/${id}`)).status).toBe(204);
    expect(await revokedAt(id)).toBe(first);
    expect(problem(await call("DELETE", `/v1/tokens/${newId("tok")}`))).toEqual([404, "not_found", []]);
  });

  test("that its Limiter does not know yet is not listed, and the alarm sends it again", async () => {
    const { id, headers } = await mint("viewer");
    vi.spyOn(console, "error").mockImplementation(() => {});
    const lost = vi.spyOn(Limiter.prototype, "revoke").mockImplementation(() => {
      throw new Error("lost on the way");
    });
    expect((await call("DELETE", `/v1/tokens/${id}`)).status).toBe(500);
    expect(await revokedAt(id)).toBeNull();
    expect((await call("GET", "/v1/sessions", undefined, headers)).status).toBe(200);
    lost.mockRestore();
    // The alarm lets the Limiter rest for a second first.
    await expect.poll(async () => (await call("GET", "/v1/sessions", undefined, headers)).status).toBe(401);
    expect(await revokedAt(id)).toEqual(expect.any(String));
  });

  test("with itself works, once", async () => {
    const { id, headers } = await mint("admin");
    expect((await call("DELETE", `/v1/tokens/${id}`, undefined, headers)).status).toBe(204);
    expect((await call("DELETE", `/v1/tokens/${id}`, undefined, headers)).status).toBe(401);
  });
});

test("each token has a bucket of its own", async () => {
  const [greedy, other] = [await mint("viewer"), await mint("viewer")];
  const ask = async (headers: Headers) => (await call("GET", "/v1/sessions", undefined, headers)).status;
  await withSettings({ requestBurst: 2, requestsPerMinute: 1 }, async () => {
    const greedily = [await ask(greedy.headers), await ask(greedy.headers), await ask(greedy.headers)];
    expect(greedily).toEqual([200, 200, 429]);
    expect(await ask(other.headers)).toBe(200);
  });
});

test("a session belongs to the project of the token that made it, whatever the role", async () => {
  const { headers } = await mint("user", "vision");
  await call("POST", "/v1/sessions", { image: "a", name: "train" }, headers);
  expect(
    (await call<{ items: { name: string }[] }>("GET", "/v1/sessions", undefined, headers)).body.items,
  ).toMatchObject([{ name: "train" }]);
  expect((await create({ name: "train" })).name).toBe("train");
});
