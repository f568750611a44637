/** Addresses of the fleet's nodes: sent as differences, in time, and only to nodes that have work. */
import { reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { Nodes } from "../../shared/protocol/protocol.ts";
import type { Fleet } from "../index.ts";
import { fleetOf } from "../platform/objects.ts";
import { call, create, ended } from "../testing/call-api.ts";
import type { Connection } from "../testing/connection.ts";
import { FakeAgent, newKeys, nodeFacts, publicKeyOf, readyNode } from "../testing/fake-agent.ts";

afterEach(() => reset());

const join = (address: string, others: string[] = []) => FakeAgent.join(nodeFacts(8, address, others));
const leave = (agent: FakeAgent) => call("DELETE", `/v1/nodes/${agent.id}`);

/** The frames that arrived, without their type. */
function told(link: Connection): Omit<Nodes, "type">[] {
  return link.texts("nodes").map((text) => {
    const { type: _, ...changes } = JSON.parse(text) as Nodes;
    return changes;
  });
}

describe("the log of changes", () => {
  const since = (number: number) => fleetOf(env).nodeChanges(number);

  test("gives the changes after a number, with consecutive addresses as ranges", async () => {
    await join("192.0.2.1");
    await join("192.0.2.9", ["198.51.100.7"]);
    for (const last of [4, 2, 3]) await join(`192.0.2.${last}`);
    expect(await since(1)).toEqual({
      since: 1,
      number: 5,
      added: ["192.0.2.2-192.0.2.4", "192.0.2.9", "198.51.100.7"],
      removed: [],
    });
    expect(await since(5)).toEqual({ since: 5, number: 5, added: [], removed: [] });
  });

  test("the last change of an address counts, and an address that another node also has stays", async () => {
    await join("192.0.2.1");
    const [a, b] = [await join("192.0.2.2", ["192.0.2.8"]), await join("192.0.2.8")];
    await leave(a);
    expect(await since(1)).toMatchObject({ number: 4, added: ["192.0.2.8"], removed: ["192.0.2.2"] });
    expect(await since(3)).toMatchObject({ added: [], removed: ["192.0.2.2"] });
    await leave(b);
    expect(await since(4)).toMatchObject({ added: [], removed: ["192.0.2.8"] });
    await join("192.0.2.2");
    expect(await since(3)).toMatchObject({ number: 6, added: ["192.0.2.2"], removed: ["192.0.2.8"] });
  });

  test("a node that knows no change, or a later one than the last, gets the whole list", async () => {
    await join("192.0.2.1");
    await leave(await join("192.0.2.2"));
    const whole = { since: 0, number: 3, added: ["192.0.2.1"], removed: [] };
    expect(await since(0)).toEqual(whole);
    // For example if the API was restored from an older state.
    expect(await since(4)).toEqual(whole);
  });

  test("a node whose last change is older than the log gets the whole list", async () => {
    await join("192.0.2.1");
    await runInDurableObject(fleetOf(env), (_, { storage }) => storage.kv.put("nodesChange", 20_000));
    await join("192.0.2.2");
    expect(await since(10_000)).toEqual({
      since: 0,
      number: 20_001,
      added: ["192.0.2.1-192.0.2.2"],
      removed: [],
    });
    expect(await since(10_001)).toMatchObject({ since: 10_001, added: ["192.0.2.2"] });
    // The log drops older changes, too.
    const kept = await runInDurableObject(fleetOf(env), (_, { storage }) =>
      storage.sql.exec("SELECT number, address FROM node_changes").toArray(),
    );
    expect(kept).toEqual([{ number: 20_001, address: "192.0.2.2" }]);
  });

  test("a connected node cannot change its addresses: only a join, which takes a token, can", async () => {
    const { agent } = await readyNode(nodeFacts(8, "192.0.2.1"));
    await agent.welcomed((hello) => ({ ...hello, address: "203.0.113.9" }));
    expect(await since(0)).toMatchObject({ number: 1, added: ["192.0.2.1"] });
  });
});

describe("a node without work", () => {
  test("receives no joins and leaves, however many there are", async () => {
    const idle = await readyNode(nodeFacts(8, "192.0.2.1"));
    const other = await readyNode(nodeFacts(8, "192.0.2.2"));
    await leave(await join("192.0.2.3"));
    await runDurableObjectAlarm(fleetOf(env));
    for (const { link } of [idle, other]) {
      await link.ping();
      expect(told(link)).toEqual([]);
    }
  });

  test("receives all of them before its first assignment", async () => {
    await join("192.0.2.1");
    const { link } = await readyNode(nodeFacts(8, "192.0.2.2"));
    await create();
    await link.asked("prepared");
    expect(told(link)).toEqual([{ since: 0, number: 2, added: ["192.0.2.1-192.0.2.2"], removed: [] }]);
    expect(link.received.map(typeOf).slice(-2)).toEqual(["nodes", "assign"]);
  });

  test("receives what it missed since the last assignment before its next one", async () => {
    const { link } = await readyNode(nodeFacts(8, "192.0.2.1"));
    link.follow();
    const { id } = await create({}, "?wait=20");
    await call("DELETE", `/v1/sessions/${id}`);
    await ended(id);
    await join("192.0.2.5");
    await leave(await join("192.0.2.6"));
    await runDurableObjectAlarm(fleetOf(env));
    await link.ping();
    expect(told(link)).toHaveLength(1);
    await create({}, "?wait=20");
    expect(told(link).slice(1)).toEqual([
      { since: 1, number: 4, added: ["192.0.2.5"], removed: ["192.0.2.6"] },
    ]);
  });

  test("receives nothing before its assignment if it is up to date", async () => {
    const agent = await join("192.0.2.1");
    const { link } = await agent.welcomed((hello) => ({ ...hello, nodes: 1 }));
    await create();
    await link.asked("prepared");
    expect(told(link)).toEqual([]);
  });
});

describe("a node that has work", () => {
  /** It received one change: its own join. */
  async function busy() {
    const node = await readyNode(nodeFacts(8, "192.0.2.1"));
    node.link.follow();
    await create({}, "?wait=20");
    expect(told(node.link)).toHaveLength(1);
    return node;
  }

  test("receives each join and leave in one small frame; other nodes receive nothing", async () => {
    const { link } = await busy();
    const idle = await readyNode(nodeFacts(8, "192.0.2.2"));
    await expect.poll(() => told(link).length).toBe(2);
    const agent = await join("192.0.2.3");
    await expect.poll(() => told(link).length).toBe(3);
    await leave(agent);
    await expect.poll(() => told(link).length).toBe(4);
    expect(told(link).slice(1)).toEqual([
      { since: 1, number: 2, added: ["192.0.2.2"], removed: [] },
      { since: 2, number: 3, added: ["192.0.2.3"], removed: [] },
      { since: 3, number: 4, added: [], removed: ["192.0.2.3"] },
    ]);
    for (const text of link.texts("nodes").slice(1)) expect(text.length).toBeLessThan(120);
    await idle.link.ping();
    expect(told(idle.link)).toEqual([]);
  });

  test("receives many joins at once in one frame", async () => {
    const { link } = await busy();
    const joins = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => ({
        ...nodeFacts(1, `198.51.100.${i + 1}`),
        name: `many-${i}`,
        publicKey: await publicKeyOf(await newKeys()),
      })),
    );
    const by = { actor: "admin-token", project: "default" };
    // In one turn of Fleet, so that the test does not depend on the machine's speed.
    await runInDurableObject(fleetOf(env), (fleet: Fleet) => {
      for (const each of joins) {
        fleet.addJoinToken(by, each.name);
        fleet.join(each.name, { ...each, joinToken: "" });
      }
    });
    await expect.poll(() => told(link).length).toBe(2);
    expect(told(link).slice(1)).toEqual([
      { since: 1, number: 51, added: ["198.51.100.1-198.51.100.50"], removed: [] },
    ]);
  });

  test("that was away receives what it missed before its welcome, once", async () => {
    const { agent, link } = await busy();
    link.close();
    await expect
      .poll(async () => (await call<{ status: string }>("GET", `/v1/nodes/${agent.id}`)).body.status)
      .toBe("disconnected");
    await join("192.0.2.2");
    await runDurableObjectAlarm(fleetOf(env));
    const again = await agent.welcomed((hello) => ({ ...hello, nodes: 1 }));
    await runDurableObjectAlarm(fleetOf(env));
    await again.link.ping();
    expect(told(again.link)).toEqual([{ since: 1, number: 2, added: ["192.0.2.2"], removed: [] }]);
    // A container may start as soon as the welcome arrives.
    expect(again.link.received.map(typeOf)).toEqual(["challenge", "nodes", "welcome"]);
  });

  test("that has lost its list receives the whole list", async () => {
    const { agent } = await busy();
    await join("192.0.2.2");
    const { link } = await agent.welcomed();
    expect(told(link)).toEqual([{ since: 0, number: 2, added: ["192.0.2.1-192.0.2.2"], removed: [] }]);
  });
});

function typeOf(text: string): string {
  return (JSON.parse(text) as { type: string }).type;
}
