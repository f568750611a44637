/** Many clients at once, and an API that is killed under them: each request takes effect exactly once. */
import { generateKeyPairSync } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FACTS } from "../shared/testing/fixtures.ts";
import { ABOUT, TestNode } from "./support/node.ts";
import { type TestApi, testApi } from "./support/server.ts";

interface Made {
  id: string;
  name: string;
  status: string;
}

let api: TestApi;
beforeAll(async () => {
  api = await testApi({ requestBurst: 1_000_000 });
});
afterAll(() => api.close());

/** All sessions, over all pages. */
async function sessions(): Promise<Made[]> {
  const all: Made[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page = await api.call("GET", `/v1/sessions?limit=200${query}`);
    const { items, nextCursor } = (await page.json()) as { items: Made[]; nextCursor: string | null };
    all.push(...items);
    cursor = nextCursor;
  }
  return all;
}

test("200 clients with 20 idempotency keys make exactly 20 sessions", async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, client) => {
      const key = `key-${client % 20}`;
      const body = { image: "debian:12", env: { KEY: key } };
      const response = await api.call("POST", "/v1/sessions", body, { "idempotency-key": key });
      return { key, status: response.status, id: ((await response.json()) as Made).id };
    }),
  );
  expect(answers.filter(({ status }) => status !== 202)).toEqual([]);
  const byKey = Map.groupBy(answers, ({ key }) => key);
  expect([...byKey.values()].map((same) => new Set(same.map(({ id }) => id)).size)).toEqual(
    Array.from({ length: 20 }, () => 1),
  );
  expect((await sessions()).length).toBe(20);
});

test("a key with two bodies at once: one makes a session, the other is refused", async () => {
  const before = (await sessions()).length;
  const answers = await Promise.all(
    Array.from({ length: 40 }, async (_, client) => {
      const body = { image: "debian:12", env: { BODY: String(client % 2) } };
      const response = await api.call("POST", "/v1/sessions", body, { "idempotency-key": "two-bodies" });
      return {
        of: client % 2,
        status: response.status,
        code: ((await response.json()) as { code: string }).code,
      };
    }),
  );
  const winner = answers.find(({ status }) => status === 202)!.of;
  for (const { of, status, code } of answers) {
    expect([of, status, code]).toEqual(
      of === winner ? [of, 202, undefined] : [of, 409, "idempotency_conflict"],
    );
  }
  expect((await sessions()).length).toBe(before + 1);
});

test("50 agents with one join token make exactly one node", async () => {
  const { token } = (await (await api.call("POST", "/v1/join-tokens")).json()) as { token: string };
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, agent) => {
      const response = await api.call("POST", "/v1/agents", joining(token, `node-${agent}`));
      return [response.status, ((await response.json()) as { code?: string }).code];
    }),
  );
  expect(answers.filter(([status]) => status === 201).length).toBe(1);
  expect(answers.filter(([, code]) => code === "join_token_invalid").length).toBe(49);
  const { items } = (await (await api.call("GET", "/v1/nodes")).json()) as { items: unknown[] };
  expect(items.length).toBe(1);
});

function joining(joinToken: string, name: string): object {
  const { x } = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
  return {
    joinToken,
    publicKey: x,
    name,
    address: "192.0.2.1",
    capacity: { cpu: 4, memory: 2 ** 33, gpu: 0 },
    facts: FACTS,
  };
}

const SPREAD = { image: "debian:12", clusterMode: "multi-node", clusterSize: 3 };

describe("an API that is killed 50 times during 50 creations", () => {
  /** Retries with the same key until it gets an answer, as a good client does. Returns the number of tries. */
  async function persistently(name: string): Promise<{ id: string; asked: number }> {
    for (let asked = 1; ; asked++) {
      const answer = await api
        .call("POST", "/v1/sessions", { ...SPREAD, name }, { "idempotency-key": name })
        .then(async (response) => ({ status: response.status, body: (await response.json()) as Made }))
        .catch(() => undefined);
      if (answer?.status === 202) return { id: answer.body.id, asked };
      // A kill may also show as a 5xx of the dying process; a refusal is a bug.
      if (answer && answer.status < 500) throw new Error(JSON.stringify(answer.body));
      await pause(5);
    }
  }

  /** Obeys the API, and dials again whenever its link breaks. */
  async function steadfast(node: TestNode, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const link = await node.follow().catch(() => undefined);
      signal.addEventListener("abort", () => link?.close());
      await (link?.closed ?? pause(20));
    }
  }

  test("has each session once, under its name, runs it, and ends it on request", async () => {
    const leaving = new AbortController();
    const nodes = [
      await TestNode.join(api, "one"),
      await TestNode.join(api, "two", { ...ABOUT, address: "192.0.2.2" }),
    ];
    const links = nodes.map((node) => steadfast(node, leaving.signal));
    const before = (await sessions()).length;
    const names = Array.from({ length: 50 }, (_, i) => `killed-${i}`);
    const made: { id: string; asked: number }[] = [];
    for (const name of names) {
      const creation = persistently(name);
      // A moment within the duration of a creation.
      await pause(Math.random() * 30);
      await api.kill();
      await api.start();
      made.push(await creation);
    }
    // The kills really came during creations.
    expect(made.filter(({ asked }) => asked > 1).length).toBeGreaterThan(5);

    const there = await sessions();
    expect(there.length).toBe(before + 50);
    const [found, answered] = [
      there.filter(({ name }) => name.startsWith("killed-")).map(({ name, id }) => [name, id]),
      names.map((name, i) => [name, made[i]!.id]),
    ];
    expect(found.sort()).toEqual(answered.sort());

    const statusOf = async (id: string) =>
      ((await (await api.call("GET", `/v1/sessions/${id}?wait=60`)).json()) as Made).status;
    expect(new Set(await Promise.all(made.map(({ id }) => statusOf(id))))).toEqual(new Set(["running"]));
    await Promise.all(names.map((name) => api.call("DELETE", `/v1/sessions/${name}`)));
    expect(new Set(await Promise.all(made.map(({ id }) => statusOf(id))))).toEqual(new Set(["terminated"]));
    leaving.abort();
    await Promise.all(links);
  }, 180_000);
});
