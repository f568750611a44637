/** A node's key: the agent replaces it over the proven link, and it is void once the node leaves. */
import { evictDurableObject, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { AuditEntry } from "../../shared/access/access-schemas.ts";
import type { Rotated, Welcome } from "../../shared/protocol/protocol.ts";
import { done } from "../../shared/testing/reports.ts";
import { Fleet } from "../index.ts";
import { fleetOf, linkOf } from "../platform/objects.ts";
import { call, create } from "../testing/call-api.ts";
import { type Connection, dial } from "../testing/connection.ts";
import { FakeAgent, newKeys, publicKeyOf, readyNode, rotation, withKeys } from "../testing/fake-agent.ts";

afterEach(() => reset());

/** Replaces the key over the link. Returns the same node with the new key. */
async function rotated(agent: FakeAgent, link: Connection): Promise<FakeAgent> {
  const keys = await newKeys();
  link.send(await rotation(agent, link.nonce, keys));
  expect((await link.next<Rotated>("rotated")).publicKey).toBe(await publicKeyOf(keys));
  return withKeys(agent, keys);
}

/** "up", or the code that it is closed with. */
async function outcome(link: Connection): Promise<"up" | number> {
  return Promise.race([
    link.next<Welcome>("welcome").then(() => "up" as const),
    link.closed.then(({ code }) => code),
  ]);
}

describe("a key that is replaced", () => {
  test("is void from then on, and the new one counts", async () => {
    const { agent, link } = await readyNode();
    const renewed = await rotated(agent, link);
    expect(await outcome(await agent.connect())).toBe(4001);
    expect(await outcome(await renewed.connect())).toBe("up");
    expect((await link.closed).code).toBe(4009);
  });

  test("is in the audit log, once", async () => {
    const { agent, link } = await readyNode();
    await rotated(agent, link);
    const { items } = (await call<{ items: AuditEntry[] }>("GET", "/v1/audit")).body;
    expect(items.filter(({ action }) => action === "rotateKey")).toMatchObject([
      { actor: `node:${agent.name}`, project: null, target: agent.id, status: 200 },
    ]);
  });

  test("leaves the link and its traffic untouched", async () => {
    const { agent, link } = await readyNode();
    await rotated(agent, link);
    await create();
    link.send(done(await link.asked("prepared")));
    expect((await link.asked("started")).phase).toBe("started");
  });

  test("can be replaced again, on the same link and on the next", async () => {
    const { agent, link } = await readyNode();
    const second = await rotated(agent, link);
    const third = await rotated(second, link);
    const next = await third.connect();
    expect(await outcome(next)).toBe("up");
    const fourth = await rotated(third, next);
    for (const old of [agent, second, third]) expect(await outcome(await old.connect())).toBe(4001);
    expect(await outcome(await fourth.connect())).toBe("up");
  });

  test("stays replaced when its Link object goes down with its sockets", async () => {
    const { agent, link } = await readyNode();
    const renewed = await rotated(agent, link);
    await evictDurableObject(linkOf(env, agent.id), { webSockets: "close" });
    expect(await outcome(await agent.connect())).toBe(4001);
    expect(await outcome(await renewed.connect())).toBe("up");
  });

  test("shuts out the thief who uses it: the real agent takes over, rotates, and stays", async () => {
    const { agent } = await readyNode();
    const thief = await agent.connect();
    expect(await outcome(thief)).toBe("up");
    const waiting = await dial(agent.id);
    const link = await agent.connect();
    expect(await outcome(link)).toBe("up");
    expect((await thief.closed).code).toBe(4009);
    await rotated(agent, link);
    expect(await outcome(await agent.connect())).toBe(4001);
    waiting.close();
    await create();
    expect((await link.asked("prepared")).phase).toBe("prepared");
  });
});

describe("a rotation is refused, and the key stays", () => {
  const refusals: [string, (agent: FakeAgent, link: Connection) => Promise<unknown>][] = [
    [
      "without proof of the new key",
      async (agent, { nonce }) => rotation(agent, nonce, await newKeys(), agent.keys),
    ],
    ["with a proof of another connection", async (agent) => rotation(agent, "another", await newKeys())],
    [
      "with a proof of another node",
      async (_agent, { nonce }) => rotation(await FakeAgent.join(), nonce, await newKeys()),
    ],
    [
      "with an invalid key",
      async (agent, { nonce }) => ({ ...(await rotation(agent, nonce, await newKeys())), publicKey: "AAAA" }),
    ],
  ];
  test.each(refusals)("%s", async (_what, ask) => {
    const { agent, link } = await readyNode();
    link.send(await ask(agent, link));
    expect((await link.closed).code).toBe(4001);
    expect(await outcome(await agent.connect())).toBe("up");
  });

  test("from a connection that has proven nothing", async () => {
    const { agent } = await readyNode();
    const stranger = await dial(agent.id);
    const { nonce } = await stranger.next<never>("challenge" as never);
    stranger.send(await rotation(agent, nonce, await newKeys()));
    expect((await stranger.closed).code).toBe(4000);
    expect(await outcome(await agent.connect())).toBe("up");
  });

  test("over a link whose own key was replaced meanwhile", async () => {
    const { agent, link } = await readyNode();
    const keys = await newKeys();
    await fleetOf(env).rotateKey({
      node: agent.id,
      connection: 1,
      from: await publicKeyOf(agent.keys),
      to: await publicKeyOf(keys),
    });
    link.send(await rotation(agent, link.nonce, await newKeys()));
    expect((await link.closed).code).toBe(4001);
    expect(await outcome(await withKeys(agent, keys).connect())).toBe("up");
  });
});

test("a rotation that comes late, or twice, between objects changes nothing", async () => {
  const { agent, link } = await readyNode();
  const [first, stranger] = [await publicKeyOf(agent.keys), await publicKeyOf(await newKeys())];
  const second = await rotated(agent, link);
  const third = await rotated(second, link);
  const late = { node: agent.id, connection: 1, from: first };
  expect(await fleetOf(env).rotateKey({ ...late, to: await publicKeyOf(second.keys) })).toBe(false);
  const again = { ...late, from: await publicKeyOf(second.keys), to: await publicKeyOf(third.keys) };
  expect(await fleetOf(env).rotateKey(again)).toBe(true);
  expect(await outcome(await third.connect())).toBe("up");
  // From the connection before the one that Fleet knows now.
  const older = { ...late, from: await publicKeyOf(third.keys), to: stranger };
  expect(await fleetOf(env).rotateKey(older)).toBe(false);
  expect(await outcome(await third.connect())).toBe("up");
});

test("a key that is replaced between the proof and the welcome gets no welcome", async () => {
  const { agent, link } = await readyNode();
  const keys = await newKeys();
  const to = await publicKeyOf(keys);
  const from = await publicKeyOf(agent.keys);
  // Fleet handles the late rotation just before the new connection.
  const { nodeConnected } = Fleet.prototype;
  vi.spyOn(Fleet.prototype, "nodeConnected").mockImplementationOnce(function (this: Fleet, connect) {
    this.rotateKey({ node: agent.id, connection: 1, from, to });
    return nodeConnected.call(this, connect);
  });
  expect(await outcome(await agent.connect())).toBe(4001);
  expect(await outcome(await withKeys(agent, keys).connect())).toBe("up");
  expect((await link.closed).code).toBe(4009);
});

describe("a node that is forgotten", () => {
  test("by force, while it has work: its link is closed, and its key opens no other", async () => {
    const { agent, link } = await readyNode();
    const waiting = await dial(agent.id);
    await create();
    await link.asked("prepared");
    expect((await call("DELETE", `/v1/nodes/${agent.name}?force=true`)).status).toBe(204);
    expect((await link.closed).code).toBe(4004);
    expect((await waiting.closed).code).toBe(4004);
    expect((await (await dial(agent.id)).closed).code).toBe(4004);
  });

  test("also with the key that it would have had next", async () => {
    const { agent, link } = await readyNode();
    const renewed = await rotated(agent, link);
    expect((await call("DELETE", `/v1/nodes/${agent.id}`)).status).toBe(204);
    expect((await link.closed).code).toBe(4004);
    for (const each of [agent, renewed]) expect((await (await dial(each.id)).closed).code).toBe(4004);
  });
});
