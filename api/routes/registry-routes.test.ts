/** Credentials for registries over HTTP: whose they are, and that no answer has a password. */
import { reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { AuditEntry } from "../../shared/access/access-schemas.ts";
import type { RegistryView } from "../../shared/request/registry.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import { fleetOf } from "../platform/objects.ts";
import { call, mint, problem } from "../testing/call-api.ts";

afterEach(() => reset());

const LOGIN = { username: "robot", password: "planted-secret" };
const path = (host: string) => `/v1/registries/${host}`;
const put = (host: string, body: unknown = LOGIN, headers = {}) =>
  call<RegistryView>("PUT", path(host), body, headers);
const list = async (query = "", headers = {}) =>
  (
    await call<{ items: RegistryView[]; nextCursor: string | null }>(
      "GET",
      `/v1/registries${query}`,
      undefined,
      headers,
    )
  ).body;

describe("credentials for a registry", () => {
  test("are stored, replaced, listed and removed; no answer has the password", async () => {
    const made = await put("r.example:5000");
    expect([made.status, made.body]).toEqual([
      200,
      { host: "r.example:5000", username: "robot", updatedAt: expect.any(String) },
    ]);
    await put("ghcr.io", { username: "me", password: "planted-secret, too" });
    const replaced = await put("r.example:5000", { username: "other", password: "planted-secret-2" });
    expect(replaced.body.username).toBe("other");
    expect((await call("GET", path("r.example:5000"))).body).toEqual(replaced.body);
    const { items } = await list();
    expect(items.map(({ host, username }) => [host, username])).toEqual([
      ["ghcr.io", "me"],
      ["r.example:5000", "other"],
    ]);
    expect(JSON.stringify([made, replaced, items])).not.toContain("planted");

    expect((await call("DELETE", path("ghcr.io"))).status).toBe(204);
    expect(problem(await call("GET", path("ghcr.io")))).toEqual([404, "not_found", []]);
    expect(problem(await call("DELETE", path("ghcr.io")))).toEqual([404, "not_found", []]);
  });

  test("are kept for as many registries as a project may have, and no more; one of them is still replaced", async () => {
    for (let i = 0; i < CONSTANTS.maxRegistries; i++) expect((await put(`r${i}.example`)).status).toBe(200);
    expect(problem(await put("one-more.example"))).toEqual([409, "too_many_registries", []]);
    expect((await put("r0.example")).status).toBe(200);
    const { headers } = await mint("admin", "another");
    expect((await put("r.example", LOGIN, headers)).status).toBe(200);
  });

  test("are paged", async () => {
    for (const host of ["a.example", "b.example", "c.example"]) await put(host);
    const { items, nextCursor } = await list("?limit=2");
    const rest = await list(`?limit=2&cursor=${nextCursor}`);
    expect([...items, ...rest.items].map(({ host }) => host)).toEqual([
      "c.example",
      "b.example",
      "a.example",
    ]);
    expect(rest.nextCursor).toBeNull();
  });

  test("of Docker Hub have one name", async () => {
    expect((await put("index.docker.io")).body.host).toBe("docker.io");
    expect((await call("GET", path("docker.io"))).status).toBe(200);
  });

  test("belong to a project, and to its admins alone", async () => {
    await put("r.example");
    const [admin, user, viewer] = [await mint("admin", "other"), await mint("user"), await mint("viewer")];
    expect((await list("", admin.headers)).items).toEqual([]);
    for (const method of ["GET", "DELETE"])
      expect(problem(await call(method, path("r.example"), undefined, admin.headers))).toEqual([
        404,
        "not_found",
        [],
      ]);
    await put("r.example", { username: "theirs", password: "x" }, admin.headers);
    expect((await list()).items[0]!.username).toBe("robot");
    for (const { headers } of [user, viewer]) {
      for (const answer of [
        await put("r.example", LOGIN, headers),
        await call("GET", path("r.example"), undefined, headers),
        await call("GET", "/v1/registries", undefined, headers),
        await call("DELETE", path("r.example"), undefined, headers),
      ])
        expect(problem(answer)).toEqual([403, "forbidden", []]);
    }
  });

  test.each<[string, unknown, string]>([
    ["https:%2F%2Fghcr.io", LOGIN, "host"],
    ["GHCR.io", LOGIN, "host"],
    ["team", LOGIN, "host"],
    ["ghcr.io", { ...LOGIN, username: "a:b" }, "username"],
    ["ghcr.io", { username: "a" }, "password"],
    ["ghcr.io", { ...LOGIN, password: "" }, "password"],
    ["ghcr.io", { ...LOGIN, password: "planted\nsecret" }, "password"],
    ["ghcr.io", { ...LOGIN, email: "x" }, "email"],
  ])("%s %j is refused, and the answer does not repeat it", async (host, body, field) => {
    const answer = await put(host, body);
    expect(problem(answer)).toEqual([400, "invalid_request", [field]]);
    expect(JSON.stringify(answer.body)).not.toContain("planted");
  });

  test("in a body that is no JSON are not repeated", async () => {
    const answer = await put("ghcr.io", '{"username": "a", "password": planted-secret}');
    expect(problem(answer)).toEqual([400, "malformed_json", []]);
    expect(JSON.stringify(answer.body)).not.toContain("planted");
  });

  test("are in the audit log by who and where, and stored encrypted", async () => {
    await put("r.example");
    await call("DELETE", path("r.example"));
    await put("r.example");
    const { items } = (await call<{ items: AuditEntry[] }>("GET", "/v1/audit")).body;
    expect(items.slice(0, 3).map(({ action, target, status }) => [action, target, status])).toEqual([
      ["setRegistry", "r.example", 200],
      ["removeRegistry", "r.example", 204],
      ["setRegistry", "r.example", 200],
    ]);
    await runInDurableObject(fleetOf(env), (_, { storage }) => {
      const [row] = storage.sql.exec("SELECT * FROM registries").toArray();
      expect(row).toMatchObject({
        host: "r.example",
        username: "robot",
        password: expect.stringMatching(/^v1\./),
      });
    });
    expect(JSON.stringify(items)).not.toMatch(/planted|robot/);
  });
});
