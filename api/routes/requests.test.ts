/** Requests: each kind of bad request has its own problem; names, keys, lists, tokens, the document. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { newId } from "../platform/ids.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { call, create, problem } from "../testing/call-api.ts";
import { FakeAgent, joinToken, newKeys, nodeFacts, publicKeyOf, readyNode } from "../testing/fake-agent.ts";

afterEach(() => reset());

const image = "debian:12";
const main = { name: "main", replicas: 1 };

/** Name, body, status, code, fields. */
const BODIES: [string, unknown, number, string, string[]][] = [
  [
    "0 replicas",
    { image, roles: [main, { name: "sub", replicas: 0 }] },
    400,
    "invalid_request",
    ["roles[1].replicas"],
  ],
  [
    "a role that ends in a digit",
    { image, roles: [main, { name: "sub1", replicas: 1 }] },
    400,
    "invalid_request",
    ["roles[1].name"],
  ],
  [
    "a role that is no DNS label",
    { image, roles: [main, { name: "Sub_A", replicas: 1 }] },
    400,
    "invalid_request",
    ["roles[1].name"],
  ],
  [
    "duplicate roles",
    { image, roles: [main, { name: "a", replicas: 1 }, { name: "a", replicas: 1 }] },
    400,
    "invalid_request",
    ["roles[2].name"],
  ],
  ["no main", { image, roles: [{ name: "sub", replicas: 1 }] }, 400, "invalid_request", ["roles"]],
  [
    "roles and clusterSize",
    { image, clusterSize: 2, roles: [main] },
    400,
    "invalid_request",
    ["clusterSize"],
  ],
  [
    "unknown fields",
    { image, colour: "blue", resources: { disk: 1 } },
    400,
    "invalid_request",
    ["resources.disk", "colour"],
  ],
  [
    "required encryption",
    { image, network: { encryption: "required" } },
    422,
    "unsupported",
    ["network.encryption"],
  ],
  ["a bad name", { image, name: "Not A Label" }, 400, "invalid_request", ["name"]],
  [
    "reserved variables",
    { image, env: { BACKENDAI_CLUSTER_SIZE: "9" } },
    400,
    "invalid_request",
    ["env.BACKENDAI_CLUSTER_SIZE"],
  ],
  ["size 0", { image, clusterSize: 0 }, 400, "invalid_request", ["clusterSize"]],
  ["size 1e9", { image, clusterSize: 1e9 }, 400, "invalid_request", ["clusterSize"]],
  ["size 1.5", { image, clusterSize: 1.5 }, 400, "invalid_request", ["clusterSize"]],
  [
    "12 potatoes",
    { image, resources: { memory: "12 potatoes" } },
    400,
    "invalid_request",
    ["resources.memory"],
  ],
  ["no image", {}, 400, "invalid_request", ["image"]],
  [
    "too much in all",
    { image, clusterSize: 1024, env: { A: "x".repeat(100_000) } },
    400,
    "session_too_large",
    ["clusterSize"],
  ],
  ["a list", [], 400, "invalid_request", [""]],
  ["null", "null", 400, "invalid_request", [""]],
  ["malformed JSON", '{"image": ', 400, "malformed_json", []],
  ["nothing", "", 400, "malformed_json", []],
  ["no UTF-8", new Uint8Array([0x22, 0xff, 0x22]), 400, "malformed_json", []],
  [
    "too large a body",
    JSON.stringify({ image: "x".repeat(SETTINGS.maxBodyBytes) }),
    413,
    "body_too_large",
    [],
  ],
];

describe("a bad body", () => {
  test.each(BODIES)("%s", async (_what, body, status, code, fields) => {
    for (const path of ["/v1/sessions", "/v1/plans"]) {
      expect(problem(await call("POST", path, body))).toEqual([status, code, fields]);
    }
    expect((await call<{ items: [] }>("GET", "/v1/sessions")).body.items).toEqual([]);
  });

  test.each([undefined, "text/plain", "multipart/form-data; boundary=a", "application/jsonp", ""])(
    "content type %s",
    async (type) => {
      const bytes = new TextEncoder().encode(JSON.stringify({ image }));
      for (const path of ["/v1/sessions", "/v1/plans", "/v1/agents"]) {
        const answer = await call("POST", path, bytes, { "content-type": type });
        expect(problem(answer)).toEqual([415, "unsupported_media_type", []]);
      }
    },
  );

  test("a charset beside the content type is fine", async () => {
    const headers = { "content-type": "application/json; charset=utf-8" };
    expect((await call("POST", "/v1/sessions", { image }, headers)).status).toBe(202);
  });
});

/** Method and path, body, status, code, fields. */
const REQUESTS: [string, unknown, number, string, string[]][] = [
  ["GET /v1/sessions?limit=0", undefined, 400, "invalid_request", ["limit"]],
  ["GET /v1/sessions?limit=201", undefined, 400, "invalid_request", ["limit"]],
  ["GET /v1/sessions?limit=x", undefined, 400, "invalid_request", ["limit"]],
  ["GET /v1/sessions?cursor=%00", undefined, 400, "invalid_request", ["cursor"]],
  ["GET /v1/sessions?cursor=YWJj", undefined, 400, "invalid_request", ["cursor"]],
  ["GET /v1/sessions?status=asleep", undefined, 400, "invalid_request", ["status"]],
  ["GET /v1/sessions?status=running&status=asleep", undefined, 400, "invalid_request", ["status"]],
  ["GET /v1/nodes?limit=-1", undefined, 400, "invalid_request", ["limit"]],
  [`GET /v1/sessions/${newId("ses")}?wait=abc`, undefined, 400, "invalid_request", ["wait"]],
  [`GET /v1/sessions/${newId("ses")}?wait=61`, undefined, 400, "invalid_request", ["wait"]],
  [`GET /v1/sessions/${newId("ses")}`, undefined, 404, "not_found", []],
  ["GET /v1/sessions/none", undefined, 404, "not_found", []],
  ["GET /v1/sessions/%E0%A4%A", undefined, 404, "not_found", []],
  ["DELETE /v1/sessions/ses_x", undefined, 404, "not_found", []],
  [`DELETE /v1/sessions/${newId("ses")}`, undefined, 404, "not_found", []],
  ["GET /v1/sessions/none/events", undefined, 404, "not_found", []],
  ["GET /v1/nodes/none", undefined, 404, "not_found", []],
  ["DELETE /v1/nodes/none", undefined, 404, "not_found", []],
  ["DELETE /v1/nodes/none?force=maybe", undefined, 400, "invalid_request", ["force"]],
  ["PATCH /v1/nodes/none", { schedulable: false }, 404, "not_found", []],
  ["PATCH /v1/nodes/none", { schedulable: "no" }, 400, "invalid_request", ["schedulable"]],
  ["PATCH /v1/nodes/none", { address: "192.0.2.1" }, 400, "invalid_request", ["address"]],
  ["PATCH /v1/nodes/none", "{", 400, "malformed_json", []],
  ["GET /v1/nothing", undefined, 404, "not_found", []],
  ["GET /", undefined, 404, "not_found", []],
  ["PUT /v1/sessions", {}, 405, "method_not_allowed", []],
  ["POST /v1/sessions/none", {}, 405, "method_not_allowed", []],
  ["GET /v1/join-tokens", undefined, 405, "method_not_allowed", []],
  [
    "POST /v1/agents",
    { joinToken: "x" },
    400,
    "invalid_request",
    ["publicKey", "name", "address", "capacity", "facts"],
  ],
];

test.each(REQUESTS)("%s %j", async (request, body, status, code, fields) => {
  const [method, path] = request.split(" ") as [string, string];
  const answer = await call(method, path, body);
  expect(problem(answer)).toEqual([status, code, fields]);
  if (status === 405) expect(answer.headers.get("allow")).toMatch(/GET|POST/);
});

test.each([undefined, "", "Bearer", "Bearer ", "Bearer wrong", `Basic ${btoa("a:b")}`, "Bearer wrong token"])(
  "authorization %s is refused",
  async (authorization) => {
    for (const request of [
      "GET /v1/sessions",
      "POST /v1/sessions",
      "GET /v1/sessions/x",
      "DELETE /v1/sessions/x",
      "GET /v1/sessions/x/events",
      "POST /v1/plans",
      "GET /v1/nodes",
      "GET /v1/nodes/x",
      "PATCH /v1/nodes/x",
      "DELETE /v1/nodes/x",
      "POST /v1/join-tokens",
      "POST /v1/tokens",
      "GET /v1/tokens",
      "DELETE /v1/tokens/x",
      "GET /v1/audit",
    ]) {
      const [method, path] = request.split(" ") as [string, string];
      const answer = await call(method, path, undefined, { authorization });
      expect([request, ...problem(answer)]).toEqual([request, 401, "unauthorized", []]);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
  },
);

describe("names", () => {
  test("are unique among the live, found again among the ended, and made up when left out", async () => {
    const first = await create({ name: "train" });
    expect(problem(await call("POST", "/v1/sessions", { image, name: "train" }))).toEqual([
      409,
      "name_in_use",
      [],
    ]);
    await call("DELETE", "/v1/sessions/train");
    const second = await create({ name: "train" });
    expect((await call<SessionView>("GET", "/v1/sessions/train")).body.id).toBe(second.id);
    await call("DELETE", "/v1/sessions/train");
    expect((await call<SessionView>("GET", "/v1/sessions/train?wait=9")).body.id).toBe(second.id);
    expect((await call<SessionView>("GET", `/v1/sessions/${first.id}`)).body.name).toBe("train");
    const { id, name } = await create();
    expect(name).toBe(`s-${id.slice(-8)}`);
  });
});

describe("Idempotency-Key", () => {
  const key = { "idempotency-key": "k1" };

  test("the same body: the same session, also when asked ten times at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        call<SessionView>("POST", "/v1/sessions", { image, name: "once" }, key),
      ),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
    expect((await call<{ items: [] }>("GET", "/v1/sessions")).body.items).toHaveLength(1);
  });

  test("another body: a conflict; an invalid key: a bad request", async () => {
    await call("POST", "/v1/sessions", { image }, key);
    expect(problem(await call("POST", "/v1/sessions", { image: "b" }, key))).toEqual([
      409,
      "idempotency_conflict",
      [],
    ]);
    const long = { "idempotency-key": "x".repeat(256) };
    expect(problem(await call("POST", "/v1/sessions", { image }, long))).toEqual([
      400,
      "invalid_request",
      ["Idempotency-Key"],
    ]);
  });
});

describe("lists", () => {
  test("go newest first, page by page, whatever is made or ends meanwhile", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await create({ name: `s${i}` })).id);
    type Page = { items: SessionView[]; nextCursor: string | null };
    const first = (await call<Page>("GET", "/v1/sessions?limit=2")).body;
    await create({ name: "late" });
    await call("DELETE", `/v1/sessions/${ids[2]}`);
    const second = (await call<Page>("GET", `/v1/sessions?limit=2&cursor=${first.nextCursor}`)).body;
    const third = (await call<Page>("GET", `/v1/sessions?limit=2&cursor=${second.nextCursor}`)).body;
    expect([first, second, third].flatMap(({ items }) => items.map(({ id }) => id))).toEqual(ids);
    expect(third.nextCursor).toBeNull();
    await call("GET", `/v1/sessions/${ids[2]}?wait=9`);
    expect(
      (await call<Page>("GET", "/v1/sessions?status=terminated")).body.items.map(({ id }) => id),
    ).toEqual([ids[2]]);
    expect((await call<Page>("GET", "/v1/sessions?status=running")).body).toEqual({
      items: [],
      nextCursor: null,
    });
    // Several statuses make one list: in order, each session once, page by page.
    const several = "/v1/sessions?status=terminated&status=pending&status=pending&limit=4";
    const newest = (await call<Page>("GET", several)).body;
    const rest = (await call<Page>("GET", `${several}&cursor=${newest.nextCursor}`)).body;
    expect(newest.items[0]!.name).toBe("late");
    expect([newest, rest].flatMap(({ items }) => items.slice(-4).map(({ id }) => id)).slice(1)).toEqual(ids);
    expect([newest.items.length, rest.items.length, rest.nextCursor]).toEqual([4, 2, null]);
  });

  test("of nodes too", async () => {
    const agents = [await FakeAgent.join(), await FakeAgent.join()];
    type Page = { items: { id: string }[]; nextCursor: string | null };
    const { items, nextCursor } = (await call<Page>("GET", "/v1/nodes?limit=1")).body;
    expect(items.map(({ id }) => id)).toEqual([agents[1]!.id]);
    expect((await call<Page>("GET", `/v1/nodes?cursor=${nextCursor}`)).body).toMatchObject({
      items: [{ id: agents[0]!.id, allocated: { cpu: 0, memory: 0, gpu: 0 } }],
      nextCursor: null,
    });
  });
});

describe("a join token", () => {
  async function joining(token: string, name: string) {
    const body = { joinToken: token, publicKey: await publicKeyOf(await newKeys()), name, ...nodeFacts() };
    return () => call<{ code?: string }>("POST", "/v1/agents", body, { authorization: undefined });
  }

  test("admits one node, also when ten ask at once", async () => {
    const token = await joinToken();
    expect(token).toMatch(/^skj_[\w-]{43}$/);
    const asks = await Promise.all(Array.from({ length: 10 }, (_, i) => joining(token, `n${i}`)));
    const answers = await Promise.all(asks.map((ask) => ask()));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.code === "join_token_invalid")).toHaveLength(9);
  });

  test("that the API never made admits no node", async () => {
    expect(problem(await (await joining("skj_x", "a"))())).toEqual([401, "join_token_invalid", []]);
  });

  test("admits no node once it has expired", async () => {
    const token = await joinToken();
    vi.setSystemTime(Date.now() + (SETTINGS.joinTokenSeconds + 1) * 1000);
    const answer = await (await joining(token, "late"))();
    vi.useRealTimers();
    expect(problem(answer)).toEqual([401, "join_token_invalid", []]);
  });

  test("is not used up if the name is taken", async () => {
    const { agent } = await readyNode();
    const token = await joinToken();
    expect(problem(await (await joining(token, agent.name))())).toEqual([409, "name_in_use", []]);
    expect((await (await joining(token, "free"))()).status).toBe(201);
  });

  test("is kept as a hash only", async () => {
    const token = await joinToken();
    const { runInDurableObject } = await import("cloudflare:test");
    const { fleetOf } = await import("../platform/objects.ts");
    const rows = await runInDurableObject(fleetOf(env), (_, { storage }) =>
      storage.sql.exec("SELECT * FROM join_tokens").toArray(),
    );
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(token);
  });
});

describe("the document", () => {
  interface Operation {
    operationId?: string;
    description?: string;
    responses: Record<string, { description?: string }>;
  }

  test("names and describes every operation, field and answer", async () => {
    const { body } = await call<{
      openapi: string;
      paths: Record<string, Record<string, Operation>>;
      components: { schemas: Record<string, { properties?: Record<string, Record<string, unknown>> }> };
    }>("GET", "/openapi.json", undefined, { authorization: undefined });
    expect(body.openapi).toBe("3.1.0");
    const operations = Object.values(body.paths).flatMap((item) => Object.values(item));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    expect(operations.filter(({ description }) => !description)).toEqual([]);
    expect(operations.filter(({ responses }) => !responses["500"])).toEqual([]);
    const bare = Object.entries(body.components.schemas).flatMap(([name, { properties = {} }]) =>
      Object.entries(properties)
        .filter(([, field]) => !("$ref" in field || "allOf" in field || "description" in field))
        .map(([field]) => `${name}.${field}`),
    );
    expect(bare).toEqual([]);
    for (const [pattern] of JSON.stringify(body).matchAll(/"pattern":"(?:[^"\\]|\\.)*"/g)) {
      const { pattern: text } = JSON.parse(`{${pattern}}`) as { pattern: string };
      expect(() => new RegExp(text, "u"), text).not.toThrow();
      expect(text, "means another thing without the flag u").not.toMatch(/\\p|\/[a-z]+$/);
    }
  });

  test("health needs no token", async () => {
    const answer = await call("GET", "/healthz", undefined, { authorization: undefined });
    expect([answer.status, answer.body]).toEqual([200, { status: "ok" }]);
  });
});
