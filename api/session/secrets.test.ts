/** Secrets and credentials reach the nodes that need them, and nothing else: no answer, no event, no database. */
import { evictAllDurableObjects, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { Assign, Hello } from "../../shared/protocol/protocol.ts";
import { done } from "../../shared/testing/reports.ts";
import { feedOf, fleetOf, sessionOf } from "../platform/objects.ts";
import { call, create, ended, mint, problem, settled } from "../testing/call-api.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";

afterEach(() => reset());

const SECRETS = { TOKEN: "planted-secret" };
const KEY = env.SKEIN_SECRETS_KEY;

/** Runs `work` with another key, or none. A worker's tests run in the same isolate, so this is the binding that it reads. */
async function withKey<T>(key: string | null, work: () => Promise<T>): Promise<T> {
  const bindings = env as { SKEIN_SECRETS_KEY?: string | null | undefined };
  bindings.SKEIN_SECRETS_KEY = key;
  try {
    return await work();
  } finally {
    bindings.SKEIN_SECRETS_KEY = KEY;
  }
}

const ANOTHER = "another key for secrets, of 43 characters or more";

const join = (number: number) => readyNode(nodeFacts(8, `192.0.2.${number}`));
const setRegistry = (host: string, password: string, headers = {}) =>
  call("PUT", `/v1/registries/${host}`, { username: "robot", password }, headers);

/** Every value in the databases of these objects, as text. */
async function stored(...stubs: DurableObjectStub[]): Promise<string> {
  const texts = await Promise.all(
    stubs.map((stub) =>
      runInDurableObject(stub, (_, { storage }) => {
        const tables = storage.sql
          .exec<{ name: string }>(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
          )
          .toArray();
        const rows = tables.flatMap(({ name }) => storage.sql.exec(`SELECT * FROM ${name}`).toArray());
        return rows
          .flatMap((row) => Object.values(row))
          .map((value) => (value instanceof ArrayBuffer ? new TextDecoder().decode(value) : String(value)))
          .concat(JSON.stringify([...storage.kv.list()]))
          .join("\n");
      }),
    ),
  );
  return texts.join("\n");
}

describe("secretEnv", () => {
  const BODY = {
    clusterMode: "multi-node",
    env: { PLAIN: "seen" },
    secretEnv: { ...SECRETS, ALL: "planted-in-all" },
    roles: [
      { name: "main", replicas: 1 },
      { name: "sub", replicas: 1, secretEnv: { TOKEN: "planted-in-sub" } },
    ],
  };

  test("is sent to each node for the roles that it has, once", async () => {
    const [a, b] = [await join(1), await join(2)];
    for (const { link } of [a, b]) link.follow();
    const { id } = await create(BODY);
    const asked = await Promise.all([a, b].map(({ link }) => link.asked("prepared", id)));
    expect(asked.map(({ part }) => part!.secretEnv)).toEqual([
      { main: { TOKEN: "planted-secret", ALL: "planted-in-all" } },
      { sub: { TOKEN: "planted-in-sub", ALL: "planted-in-all" } },
    ]);
    expect((await settled(id)).status).toBe("running");
    const later = a.link.texts("assign").slice(1);
    expect(later).toHaveLength(2);
    expect(later.join()).not.toContain("planted");
  });

  test("is in no answer, event or plan, and in no database", async () => {
    const { link } = await join(1);
    link.follow();
    const key = { "idempotency-key": "k" };
    const body = { image: "a", name: "n", secretEnv: SECRETS };
    const texts = [
      await call("POST", "/v1/plans", body),
      await call("POST", "/v1/sessions?wait=20", body, key),
      await call("POST", "/v1/sessions", body, key),
      await call("GET", "/v1/sessions"),
      await call("GET", "/v1/sessions/n"),
      await call("GET", "/v1/audit"),
    ].map(({ body: answer }) => JSON.stringify(answer));
    expect(texts[1]).toContain('"status":"running"');
    const { id } = JSON.parse(texts[1]!) as { id: string };
    expect(JSON.parse(texts[2]!)).toMatchObject({ id });
    const stubs = [fleetOf(env), sessionOf(env, id), feedOf(env, "default")];
    const before = await stored(...stubs);
    expect(before).toContain('"sealedSecrets":"v1.');
    expect(before).toContain("container");
    for (const text of [...texts, before]) expect(text).not.toMatch(/planted|TOKEN/);
    // Nor a digest of the body that anybody could make.
    const digest = new Uint8Array(
      await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(body))),
    );
    expect(before).not.toContain(digest.toHex());
  });

  test("is sent again to a node that has lost it, and to no other", async () => {
    const { agent, link } = await join(1);
    link.follow();
    const { id } = await create({ secretEnv: SECRETS }, "?wait=20");
    await evictAllDurableObjects();
    const has = (hello: Hello) => ({ ...hello, has: [{ session: id, epoch: 1, keys: true }] });
    // The fake agent adds the part from its memory: as sent, it is not there.
    expect((await agent.welcomed(has)).link.texts("welcome").join()).not.toContain("planted");
    const [again] = (await agent.welcomed()).welcome.assignments;
    expect(again!.part!.secretEnv).toEqual({ main: SECRETS });
  });

  test.each([
    ["without a key", null, /SKEIN_SECRETS_KEY is not set/],
    ["with another key", ANOTHER, /the API's key for secrets is another than the one that encrypted them/],
  ])("that waits for a node and cannot be read any longer, %s, fails its session", async (_, key, reason) => {
    const { id } = await create({ secretEnv: SECRETS });
    await withKey(key, async () => {
      const { link } = await join(1);
      link.follow();
      const session = await ended(id);
      expect([session.status, session.reason]).toEqual(["failed", expect.stringMatching(reason)]);
      expect(link.texts("assign").join()).not.toContain('"part":');
      // Others are not held up by it.
      const other = await create({}, "?wait=20");
      expect(other.status).toBe("running");
    });
  });

  test("that cannot be read any longer does not keep a node with its session from coming back", async () => {
    const { agent, link } = await join(1);
    link.follow();
    const { id } = await create({ secretEnv: SECRETS }, "?wait=20");
    await withKey(ANOTHER, async () => {
      const has = (hello: Hello) => ({ ...hello, has: [{ session: id, epoch: 1, keys: true }] });
      expect((await agent.welcomed(has)).welcome.assignments).toMatchObject([{ phase: "running" }]);
      expect((await settled(id)).status).toBe("running");
      const lost = await agent.welcomed();
      const [assign] = lost.welcome.assignments as [Assign];
      expect(assign).toMatchObject({ session: id, phase: "removed" });
      lost.link.send(done(assign));
      expect(await ended(id)).toMatchObject({ status: "failed" });
    });
  });

  test("is refused by an API without a key, in plans too", async () => {
    await withKey(null, async () => {
      for (const path of ["/v1/sessions", "/v1/plans"]) {
        const answer = await call("POST", path, { image: "a", secretEnv: SECRETS });
        expect(problem(answer)).toEqual([409, "secrets_key_missing", []]);
        expect(JSON.stringify(answer.body)).not.toMatch(/planted|TOKEN/);
      }
      expect(problem(await setRegistry("r.example", "planted"))).toEqual([409, "secrets_key_missing", []]);
    });
  });
});

describe("credentials for a registry", () => {
  const OURS = "r.example:5000";
  const prepared = async (headers: Record<string, string>, roles: object[]) => {
    const { agent, link } = await join(1);
    const made = await call<{ id: string }>("POST", "/v1/sessions", { roles }, headers);
    return { agent, link, id: made.body.id, assign: await link.asked("prepared", made.body.id) };
  };
  const main = (image: string) => ({ name: "main", replicas: 1, image });

  test("go to the nodes that have images from there, and each only those", async () => {
    await setRegistry(OURS, "planted-1");
    await setRegistry("other.example", "planted-2");
    const [a, b] = [await join(1), await join(2)];
    const { id } = await create({
      clusterMode: "multi-node",
      roles: [main(`${OURS}/app:1`), { name: "sub", replicas: 1, image: "nobody.example/app" }],
    });
    const [first, second] = await Promise.all([a, b].map(({ link }) => link.asked("prepared", id)));
    expect(first!.registries).toEqual([{ host: OURS, login: { username: "robot", password: "planted-1" } }]);
    expect(second).not.toHaveProperty("registries");
    expect(await stored(fleetOf(env), sessionOf(env, id))).not.toContain("planted");
  });

  test("are the project's own; of another project's a node hears only that there are some", async () => {
    const other = await mint("admin", "other");
    await setRegistry(OURS, "planted-1");
    const { assign } = await prepared(other.headers, [main(`${OURS}/app:1`)]);
    expect(assign.registries).toEqual([{ host: OURS }]);
    await setRegistry(OURS, "planted-of-other", other.headers);
    const { assign: next } = await prepared(other.headers, [main(`${OURS}/app:1`)]);
    expect(next.registries).toEqual([
      { host: OURS, login: { username: "robot", password: "planted-of-other" } },
    ]);
  });

  test("of Docker Hub serve names without a host", async () => {
    await setRegistry("docker.io", "planted-1");
    const { assign } = await prepared({}, [main("team/app")]);
    expect(assign.registries).toMatchObject([{ host: "docker.io" }]);
  });

  test("come again, as they are then, to a node that connects again before it is prepared; never later", async () => {
    await setRegistry(OURS, "planted-old");
    const { agent, id } = await prepared({}, [main(`${OURS}/app:1`)]);
    await setRegistry(OURS, "planted-new");
    const has = (hello: Hello) => ({ ...hello, has: [{ session: id, epoch: 1, keys: false }] });
    const { link, welcome } = await agent.welcomed(has);
    const [again] = welcome.assignments as [Assign];
    expect(link.texts("welcome").join()).not.toContain('"part":');
    expect(again.registries).toMatchObject([{ login: { password: "planted-new" } }]);
    link.follow().send(done(again));
    expect((await settled(id)).status).toBe("running");
    const later = [link.texts("assign"), (await agent.welcomed(has)).link.texts("welcome")];
    expect(later.map((texts) => texts.length)).toEqual([2, 1]);
    expect(JSON.stringify(later)).not.toContain("planted");
  });

  test("that were removed are sent no longer", async () => {
    await setRegistry(OURS, "planted");
    await call("DELETE", `/v1/registries/${OURS}`);
    const { assign } = await prepared({}, [main(`${OURS}/app:1`)]);
    expect(assign).not.toHaveProperty("registries");
  });
});
