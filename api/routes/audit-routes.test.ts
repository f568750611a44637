/** The audit log: every change and every refusal with who, what and where, and no secrets. */
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { AuditEntry } from "../../shared/access/access-schemas.ts";
import { Fleet, Session } from "../index.ts";
import { fleetOf, refusalsOf } from "../platform/objects.ts";
import { call, create, ended, mint } from "../testing/call-api.ts";
import { FakeAgent, joinToken, newKeys, nodeFacts, publicKeyOf } from "../testing/fake-agent.ts";
import { withSettings } from "../testing/settings.ts";

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

interface Page {
  items: AuditEntry[];
  nextCursor: string | null;
}

async function log(query = ""): Promise<AuditEntry[]> {
  return (await call<Page>("GET", `/v1/audit${query}`)).body.items;
}

/** Waits until so many refusals are in the log: they arrive there after the answers. */
async function refusals(count: number): Promise<AuditEntry[]> {
  const read = async () => (await log("?limit=200")).filter(({ status }) => status >= 400);
  await expect.poll(async () => (await read()).length).toBe(count);
  return read();
}

const short = ({ actor, project, action, target, status, code }: AuditEntry) => [
  actor,
  project,
  action,
  target,
  status,
  ...(code === undefined ? [] : [code]),
];

test("every change is in the log, newest first, with who made it", async () => {
  const maker = await mint("admin", "vision");
  const by = maker.headers;
  const agent = await FakeAgent.join(undefined, "gpu-a");
  await call("PATCH", "/v1/nodes/gpu-a", { schedulable: false }, by);
  const session = (await call<{ id: string }>("POST", "/v1/sessions", { image: "x", name: "train" }, by))
    .body;
  await call("DELETE", "/v1/sessions/train", undefined, by);
  await call("DELETE", "/v1/nodes/gpu-a?force=true", undefined, by);
  await call("DELETE", `/v1/tokens/${maker.id}`);
  const entries = await log();
  expect(entries.map(short)).toEqual([
    ["admin-token", "default", "revokeToken", maker.id, 204],
    [maker.id, "vision", "removeNode", agent.id, 204],
    [maker.id, "vision", "endSession", session.id, 202],
    [maker.id, "vision", "createSession", session.id, 202],
    [maker.id, "vision", "patchNode", agent.id, 200],
    ["node:gpu-a", null, "joinAgent", agent.id, 201],
    ["admin-token", "default", "createJoinToken", null, 201],
    ["admin-token", "default", "createToken", maker.id, 201],
  ]);
  expect(entries.map(({ id }) => id)).toEqual(entries.map(({ id }) => id).toSorted((x, y) => y - x));
  for (const { at } of entries) expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
});

test("requests that change nothing are not in the log: a known key, the end of an ended session, a revoked token", async () => {
  const key = { "idempotency-key": "k" };
  const { id } = (await call<{ id: string }>("POST", "/v1/sessions", { image: "x" }, key)).body;
  await call("POST", "/v1/sessions", { image: "x" }, key);
  await call("DELETE", `/v1/sessions/${id}`);
  await ended(id);
  await call("DELETE", `/v1/sessions/${id}`);
  const token = await mint("user");
  for (const _ of [1, 2]) await call("DELETE", `/v1/tokens/${token.id}`);
  expect((await log()).map(({ action }) => action)).toEqual([
    "revokeToken",
    "createToken",
    "endSession",
    "createSession",
  ]);
});

test("the request to end a session is in the log before the Session gets it", async () => {
  const { id } = await create();
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(Session.prototype, "end").mockImplementation(() => {
    throw new Error("lost on the way");
  });
  expect((await call("DELETE", `/v1/sessions/${id}`)).status).toBe(500);
  expect((await log()).map(short)[0]).toEqual(["admin-token", "default", "endSession", id, 202]);
});

test("the log is paged like other lists, also while it grows", async () => {
  for (const _ of [1, 2, 3]) await joinToken();
  const all = await log();
  const first = (await call<Page>("GET", "/v1/audit?limit=2")).body;
  await joinToken();
  const second = (await call<Page>("GET", `/v1/audit?limit=2&cursor=${first.nextCursor}`)).body;
  expect([...first.items, ...second.items]).toEqual(all);
  expect(all).toHaveLength(3);
  expect(second.nextCursor).toBeNull();
});

test("the log keeps the last changes, as many as the setting says", async () => {
  const made: string[] = [];
  await withSettings({ auditChanges: 3 }, async () => {
    for (let i = 0; i < 5; i++) made.unshift((await mint("user")).id);
  });
  expect((await log()).map(({ target }) => target)).toEqual(made.slice(0, 3));
});

/** As it reaches Fleet, but for its time. */
const refusal = {
  actor: null,
  project: null,
  action: "listNodes",
  target: null,
  status: 401,
  code: "unauthorized",
};

describe("refusals", () => {
  test("of each kind are in the log, with who was refused what", async () => {
    const a = await mint("user", "a");
    const b = await mint("user", "b");
    const { id } = (await call<{ id: string }>("POST", "/v1/sessions", { image: "x", name: "s" }, b.headers))
      .body;
    const join = {
      publicKey: await publicKeyOf(await newKeys()),
      name: "n",
      joinToken: "skj_x",
      ...nodeFacts(),
    };
    const cases: [string, string, unknown, Record<string, string | undefined>, unknown[]][] = [
      [
        "GET",
        "/v1/nodes",
        undefined,
        { authorization: undefined },
        [null, null, "listNodes", null, 401, "unauthorized"],
      ],
      [
        "DELETE",
        "/v1/nodes/gpu-a",
        undefined,
        a.headers,
        [a.id, "a", "removeNode", "gpu-a", 403, "forbidden"],
      ],
      ["DELETE", `/v1/sessions/${id}`, undefined, a.headers, [a.id, "a", "endSession", id, 404, "not_found"]],
      ["GET", `/v1/sessions/${id}`, undefined, a.headers, [a.id, "a", "getSession", id, 404, "not_found"]],
      ["GET", "/v1/sessions/s", undefined, a.headers, [a.id, "a", "getSession", "s", 404, "not_found"]],
      [
        "POST",
        "/v1/sessions",
        { image: "x", name: "s" },
        b.headers,
        [b.id, "b", "createSession", null, 409, "name_in_use"],
      ],
      ["POST", "/v1/agents", join, {}, [null, null, "joinAgent", null, 401, "join_token_invalid"]],
    ];
    for (const [i, [method, path, body, headers, entry]] of cases.entries()) {
      await call(method, path, body, headers);
      expect(short((await refusals(i + 1))[0]!)).toEqual(entry);
    }
  });

  test("of a token that asks too often, and of one that was revoked, name it", async () => {
    const { id, headers } = await mint("viewer", "a");
    await withSettings({ requestBurst: 1, requestsPerMinute: 1 }, async () => {
      for (const _ of [1, 2]) await call("GET", "/v1/sessions", undefined, headers);
    });
    await refusals(1);
    await call("DELETE", `/v1/tokens/${id}`);
    await call("GET", "/v1/sessions", undefined, headers);
    expect((await refusals(2)).map(short)).toEqual([
      [id, "a", "listSessions", null, 401, "unauthorized"],
      [id, "a", "listSessions", null, 429, "rate_limited"],
    ]);
  });

  test("do not include mere mistakes: a bad body, an unknown name", async () => {
    await call("POST", "/v1/sessions", { image: 1 });
    await call("GET", "/v1/sessions/unknown");
    await call("GET", "/v1/nothing");
    await call("GET", "/v1/nodes", undefined, { authorization: undefined });
    expect((await refusals(1)).map(({ action }) => action)).toEqual(["listNodes"]);
  });

  test("repeat no text that a caller may have put in the wrong place", async () => {
    const { token, headers } = await mint("user");
    await call("DELETE", `/v1/tokens/${token}`, undefined, headers);
    await call("GET", `/v1/nodes/${encodeURIComponent("<script>")}`, undefined, headers);
    await call("GET", `/v1/nodes/${env.SKEIN_ADMIN_TOKEN.toUpperCase()}`, undefined, headers);
    expect((await refusals(3)).map(({ target }) => target)).toEqual([null, null, null]);
  });

  test("cause no write each: an alarm hands them over together", async () => {
    const taken = vi.spyOn(Fleet.prototype, "takeRefusals");
    const ask = () => call("GET", "/v1/nodes", undefined, { authorization: undefined });
    await Promise.all(Array.from({ length: 50 }, ask));
    await expect
      .poll(() => runInDurableObject(refusalsOf(env), (_, { storage }) => storage.getAlarm()))
      .not.toBeNull();
    expect(taken).not.toHaveBeenCalled();
    expect(await runDurableObjectAlarm(refusalsOf(env))).toBe(true);
    expect(taken).toHaveBeenCalledTimes(1);
    const rows = await runInDurableObject(fleetOf(env), (_, { storage }) =>
      storage.sql.exec("SELECT * FROM audit").toArray(),
    );
    expect(rows).toHaveLength(50);
  });

  test("that Fleet did not take are handed over again, and taken once", async () => {
    await call("GET", "/v1/nodes", undefined, { authorization: undefined });
    vi.spyOn(console, "error").mockImplementation(() => {});
    const take = Fleet.prototype.takeRefusals;
    const lost = vi.spyOn(Fleet.prototype, "takeRefusals").mockImplementation(function (
      this: Fleet,
      ...args
    ) {
      take.apply(this, args);
      throw new Error("lost on the way back");
    });
    expect((await call("GET", "/v1/audit")).status).toBe(500);
    expect(lost).toHaveBeenCalled();
    lost.mockRestore();
    expect(await refusals(1)).toHaveLength(1);
  });

  test("count from the start when their object woke again", async () => {
    const ask = () => call("GET", "/v1/nodes", undefined, { authorization: undefined });
    for (const _ of [1, 2]) await ask();
    await refusals(2);
    await evictDurableObject(refusalsOf(env));
    await ask();
    await refusals(3);
  });

  test("the last 1,000 are kept, and they displace no change", async () => {
    await joinToken();
    const many = Array.from({ length: 1500 }, (_, i) => ({ ...refusal, at: i }));
    const first = { seq: 1, subject: "", body: many.slice(0, 1000) };
    const second = { seq: 2, subject: "", body: many.slice(1000) };
    await fleetOf(env).takeRefusals([first]);
    await fleetOf(env).takeRefusals([first, second]);
    const rows = await runInDurableObject(fleetOf(env), (_, { storage }) =>
      storage.sql.exec("SELECT kind, at FROM audit ORDER BY seq").toArray(),
    );
    expect(rows.map(({ kind, at }) => (kind === "change" ? kind : at))).toEqual([
      ...Array.from({ length: 1000 }, (_, i) => i + 500),
      "change",
    ]);
  });

  test("are sorted by the time they happened, also if many share a millisecond", async () => {
    await joinToken();
    const [{ at, id } = { at: "", id: 0 }] = await log();
    const then = Date.parse(at);
    const many = [...Array.from({ length: 998 }, () => then), then - 1, then + 1];
    const body = many.map((at) => ({ ...refusal, at }));
    await fleetOf(env).takeRefusals([{ seq: 1, subject: "", body }]);
    const last = (await call<Page>("GET", "/v1/audit?limit=1")).body;
    expect(Date.parse(last.items[0]!.at)).toBe(then + 1);
    const times: number[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: Page = (await call<Page>("GET", `/v1/audit?limit=200${cursor && `&cursor=${cursor}`}`))
        .body;
      times.push(...page.items.map((entry) => Date.parse(entry.at)));
      cursor = page.nextCursor;
    }
    expect(times).toHaveLength(1001);
    expect(times).toEqual(times.toSorted((x, y) => y - x));
    expect(Number.isSafeInteger(id)).toBe(true);
  });
});
