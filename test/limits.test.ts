/** The limits of an installation, set low, against a real API. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestApi, testApi } from "./support/server.ts";

const image = "debian:12";

/** `[status, code]`, and the other fields of the problem that a test checks. */
async function refusal(response: Response): Promise<{ status: number; code: string; detail: string }> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  return (await response.json()) as { status: number; code: string; detail: string };
}

describe("limits on sessions and plans", () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await testApi({
      maxContainers: 4,
      maxSessionBytes: 1024,
      maxBodyBytes: 4096,
      maxLiveSessions: 3,
      maxLiveContainers: 6,
    });
  });
  afterAll(() => api.close());
  const create = (body: object) => api.call("POST", "/v1/sessions", { image, ...body });

  test.each([
    ["too_many_containers", 400, { clusterSize: 5 }],
    [
      "too_many_containers",
      400,
      {
        roles: [
          { name: "main", replicas: 1 },
          { name: "w", replicas: 4 },
        ],
      },
    ],
    ["session_too_large", 400, { clusterSize: 4, env: { A: "x".repeat(256) } }],
    ["body_too_large", 413, { env: { A: "x".repeat(4096) } }],
  ])("%s: %i, for a plan as for a session", async (code, status, body) => {
    for (const path of ["/v1/sessions", "/v1/plans"]) {
      const response = await api.call("POST", path, { image, ...body });
      expect(await refusal(response)).toMatchObject({ status, code });
    }
  });

  test("only live sessions and containers count, and a known key makes no new session", async () => {
    const key = { "idempotency-key": "first" };
    const first = await api.call("POST", "/v1/sessions", { image, name: "one", clusterSize: 4 }, key);
    expect(first.status).toBe(202);
    expect(await refusal(await create({ clusterSize: 3 }))).toMatchObject({
      status: 409,
      code: "too_many_live_containers",
    });
    expect((await create({ name: "two" })).status).toBe(202);
    expect((await create({ name: "three" })).status).toBe(202);
    expect(await refusal(await create({}))).toMatchObject({ status: 409, code: "too_many_live_sessions" });
    const again = await api.call("POST", "/v1/sessions", { image, name: "one", clusterSize: 4 }, key);
    expect([again.status, ((await again.json()) as { name: string }).name]).toEqual([202, "one"]);

    await api.call("DELETE", "/v1/sessions/one");
    await api.call("GET", "/v1/sessions/one?wait=10");
    expect((await create({ clusterSize: 4 })).status).toBe(202);
  });
});

describe("a token that asks too often", () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await testApi({ requestsPerMinute: 60, requestBurst: 5 });
  });
  afterAll(() => api.close());

  test("gets 429 with Retry-After, and is served again after that time", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.call("GET", "/v1/nodes")));
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(5);
    expect(refused.length).toBeGreaterThanOrEqual(10);
    const seconds = Number(refused[0]!.headers.get("retry-after"));
    expect(seconds).toBe(1);
    expect(await refusal(refused[0]!)).toMatchObject({ code: "rate_limited", retryAfter: seconds });
    const after = Date.now() + seconds * 1000;
    await expect
      .poll(async () => Date.now() >= after && (await api.call("GET", "/v1/nodes")).status, {
        interval: 500,
      })
      .toBe(200);
  });

  test("does not limit requests without a token, and a wrong token gets 401", async () => {
    await Promise.all(Array.from({ length: 10 }, () => api.call("GET", "/v1/nodes")));
    const statuses = await Promise.all(
      ["/healthz", "/openapi.json"].map(async (path) => (await fetch(api.server.url + path)).status),
    );
    expect(statuses).toEqual([200, 200]);
    const wrong = await api.call("GET", "/v1/nodes", undefined, { authorization: "Bearer wrong" });
    expect(wrong.status).toBe(401);
  });
});
