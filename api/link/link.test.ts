/** A node's link: who is let in, who replaces whom, what is not understood, what sleep and silence do. */
import {
  evictDurableObject,
  listDurableObjectIds,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { Hello, Nodes, Welcome } from "../../shared/protocol/protocol.ts";
import { newId } from "../platform/ids.ts";
import { fleetOf, nodeOf } from "../platform/objects.ts";
import { call, create } from "../testing/call-api.ts";
import { dial, done, FakeAgent, identityOf, nodeFacts, readyNode } from "../testing/fake-agent.ts";

afterEach(() => reset());

async function status(name: string): Promise<NodeView["status"]> {
  return (await call<NodeView>("GET", `/v1/nodes/${name}`)).body.status;
}

describe("who is let in", () => {
  test("a node that proves its key: it is ready, with what it said of itself", async () => {
    const agent = await FakeAgent.join(nodeFacts(4));
    expect(await status(agent.name)).toBe("disconnected");
    const link = await agent.connect((hello) => ({ ...hello, capacity: { ...hello.capacity, cpu: 6 } }));
    expect(await link.next<Welcome>("welcome")).toEqual({
      type: "welcome",
      protocol: 1,
      connection: 1,
      assignments: [],
    });
    const { body } = await call<NodeView>("GET", `/v1/nodes/${agent.name}`);
    expect(body).toMatchObject({ id: agent.id, status: "ready", capacity: { cpu: 6 } });
    expect(Date.parse(body.lastSeenAt!)).toBeGreaterThan(Date.now() - 60_000);
  });

  test.each(["node_nonsense", newId("node"), "%00", "a".repeat(256)])(
    "not a node that nobody knows: %s",
    async (id) => {
      expect((await (await dial(id)).closed).code).toBe(4004);
    },
  );

  test("a stranger who dials leaves no object behind", async () => {
    const { agent } = await readyNode();
    await (await dial("node_stranger")).closed;
    const ids = (await listDurableObjectIds(env.NODE)).map(String);
    expect(ids).toContain(String(env.NODE.idFromName(agent.id)));
    expect(ids).not.toContain(String(env.NODE.idFromName("node_stranger")));
  });

  test("a node without an id, or without a WebSocket, gets a problem", async () => {
    expect((await call<{ code: string }>("GET", "/v1/agents/connect")).body.code).toBe("invalid_request");
    expect((await call<{ code: string }>("GET", `/v1/agents/connect?node=${newId("node")}`)).body.code).toBe(
      "upgrade_required",
    );
  });

  const wrong: [string, (hello: Hello, other: FakeAgent) => Hello, number][] = [
    ["a signature that is none", (hello) => ({ ...hello, signature: "AAAA" }), 4001],
    ["a signature that is not even text of one", (hello) => ({ ...hello, signature: "ß!" }), 4001],
    [
      "a signature of another challenge",
      (hello) => ({ ...hello, signature: `${hello.signature.slice(0, -4)}AAAA` }),
      4001,
    ],
    ["another node's name", (hello, other) => ({ ...hello, node: other.id }), 4004],
    ["another fleet", (hello) => ({ ...hello, fleet: newId("flt") }), 4004],
    ["a protocol from the future", (hello) => ({ ...hello, protocol: { min: 2, max: 9 } }), 4010],
    ["a protocol from the past", (hello) => ({ ...hello, protocol: { min: 0, max: 0 } }), 4010],
  ];
  test.each(wrong)("not with %s", async (_what, change, code) => {
    const [agent, other] = [await FakeAgent.join(), await FakeAgent.join()];
    const link = await agent.connect((hello) => change(hello, other));
    expect((await link.closed).code).toBe(code);
    expect(await status(agent.name)).toBe("disconnected");
  });

  test("not with another node's key", async () => {
    const [agent, other] = [await FakeAgent.join(), await FakeAgent.join()];
    const impostor = new FakeAgent(agent.id, agent.fleet, agent.name, other.keys, agent.node);
    expect((await (await impostor.connect()).closed).code).toBe(4001);
  });
});

describe("what comes late between objects", () => {
  test("older news of a link does not count, nor an older phase", async () => {
    const { agent, link } = await readyNode();
    await fleetOf(env).nodeNews({ id: agent.id, number: 1, status: "disconnected", seenAt: 0 });
    expect(await status(agent.name)).toBe("ready");
    await create();
    const prepared = await link.asked("prepared");
    link.send(done(prepared));
    await link.asked("started");
    const { session, epoch } = prepared;
    await nodeOf(env, agent.id).assign({ session, epoch, rank: 1, frame: JSON.stringify(prepared) });
    await link.ping();
    expect(link.unread).toEqual([]);
  });
});

describe("a second connection of the same node", () => {
  test("takes over; the first is told not to dial again", async () => {
    const { agent, link } = await readyNode();
    const second = await agent.connect();
    expect((await second.next<Welcome>("welcome")).connection).toBe(2);
    expect((await link.closed).code).toBe(4009);
    await create();
    expect((await second.asked("prepared")).phase).toBe("prepared");
    expect(await status(agent.name)).toBe("ready");
  });

  test("takes over nothing while it has proven nothing", async () => {
    const { agent, link } = await readyNode();
    await dial(agent.id);
    await create();
    expect((await link.asked("prepared")).phase).toBe("prepared");
  });
});

/** Frames that are right but for what is given. */
const ran = { host: "main1", status: "running" };
const saying = (wrong: object) => ({
  ...{ type: "report", session: "ses_1", epoch: 1, phase: "prepared", containers: [] },
  ...wrong,
});
const telling = (wrong: object) => {
  const { capacity, facts } = nodeFacts();
  return { type: "facts", capacity, facts: { ...facts, ...wrong } };
};

describe("what is not understood", () => {
  test.each([
    ["no JSON", "hello"],
    ["an unknown type", { type: "shout" }],
    ["a report without a session", { type: "report", epoch: 1, phase: "none", containers: [] }],
    ["bytes", new ArrayBuffer(4)],
    ["a second hello", "again"],
    ["a session id that is too long for a key", saying({ session: "s".repeat(3000) })],
    ["a session id that is none", saying({ session: "../ses_1" })],
    ["a container id of megabytes", saying({ containers: [{ ...ran, containerId: "c".repeat(3_000_000) }] })],
    ["a host that is none", saying({ containers: [{ ...ran, host: "main1\n" }] })],
    [
      "a login name that would be a line of others' SSH configuration",
      saying({ identities: [{ ...identityOf("main1"), user: "root\n  ProxyCommand sh" }] }),
    ],
    [
      "a login name that would be an option of ssh",
      saying({ identities: [{ ...identityOf("main1"), user: "-oProxyCommand=sh" }] }),
    ],
    ["facts of megabytes", telling({ os: "x".repeat(3_000_000) })],
    ["GPU ids that take megabytes", telling({ gpuIds: Array(1024).fill("\u0001".repeat(256)) })],
    ["subnets that take megabytes", telling({ usedSubnets: Array(4096).fill("\ud800".repeat(64)) })],
  ])("%s closes the link", async (_what, frame) => {
    const { agent, link } = await readyNode();
    const hello = frame === "again" ? await helloOf(agent) : frame;
    link.send(hello);
    expect((await link.closed).code).toBe(4000);
    await expect.poll(() => status(agent.name)).toBe("disconnected");
  });

  test("a report of a session that is not the node's changes nothing and closes nothing", async () => {
    const [a, b] = [await readyNode(nodeFacts(8)), await readyNode(nodeFacts(1))];
    const { id } = await create({ resources: { cpu: 4 } });
    b.link.send(
      done({ ...(await a.link.asked("prepared")) }, { failure: { code: "internal", message: "ha" } }),
    );
    b.link.send({ type: "facts", capacity: { cpu: 2, memory: 1, gpu: 0 }, facts: b.agent.node.facts });
    await expect
      .poll(async () => (await call<NodeView>("GET", `/v1/nodes/${b.agent.name}`)).body.capacity.cpu)
      .toBe(2);
    expect((await call<{ status: string }>("GET", `/v1/sessions/${id}`)).body.status).toBe("preparing");
  });
});

describe("where the fleet's nodes are", () => {
  test("is told after the welcome, and again when one has joined or left", async () => {
    const { link } = await readyNode(nodeFacts(8, "192.0.2.1"));
    const told = async () => (await link.next<Nodes>("nodes")).addresses;
    expect(await told()).toEqual(["192.0.2.1"]);
    const other = await FakeAgent.join(nodeFacts(8, "192.0.2.7", ["198.51.100.7", "192.0.2.1"]));
    expect(await told()).toEqual(["192.0.2.1", "192.0.2.7", "198.51.100.7"]);
    expect((await call("DELETE", `/v1/nodes/${other.id}`)).status).toBe(204);
    expect(await told()).toEqual(["192.0.2.1"]);
  });

  test("a node that was away hears it once its link is up again, and once only", async () => {
    const { agent, link } = await readyNode(nodeFacts(8, "192.0.2.1"));
    link.close();
    await expect.poll(() => status(agent.name)).toBe("disconnected");
    await FakeAgent.join(nodeFacts(8, "192.0.2.2"));
    await runDurableObjectAlarm(fleetOf(env));
    const again = await agent.connect();
    const told = async () => (await again.next<Nodes>("nodes")).addresses;
    expect(await told()).toEqual(["192.0.2.1", "192.0.2.2"]);
    await runDurableObjectAlarm(fleetOf(env));
    await FakeAgent.join(nodeFacts(8, "192.0.2.3"));
    expect(await told()).toEqual(["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  });
});

describe("sleep and silence", () => {
  test("a sleeping object keeps its link, and pings do not wake it", async () => {
    const { agent, link } = await readyNode();
    await evictDurableObject(nodeOf(env, agent.id));
    await create();
    expect((await link.asked("prepared")).phase).toBe("prepared");
  });

  test("objects that go down with their sockets: the alarm says that the node is gone", async () => {
    const { agent } = await readyNode();
    await evictDurableObject(nodeOf(env, agent.id), { webSockets: "close" });
    await runDurableObjectAlarm(nodeOf(env, agent.id));
    expect(await status(agent.name)).toBe("disconnected");
  });

  test("a link that has been silent too long is ended by the alarm; one that answers is not", async () => {
    const { agent, link } = await readyNode();
    const node = nodeOf(env, agent.id);
    await runDurableObjectAlarm(node);
    expect(await status(agent.name)).toBe("ready");
    await runInDurableObject(node, (_, state) => {
      for (const socket of state.getWebSockets()) {
        socket.serializeAttachment({ ...socket.deserializeAttachment(), since: Date.now() - 31_000 });
      }
    });
    await link.ping();
    await runDurableObjectAlarm(node);
    expect(await status(agent.name)).toBe("ready");
    vi.setSystemTime(Date.now() + 31_000);
    await runDurableObjectAlarm(node);
    vi.useRealTimers();
    expect((await link.closed).code).toBe(4011);
    expect(await status(agent.name)).toBe("disconnected");
  });
});

/** A hello as it was right once. */
async function helloOf(agent: FakeAgent): Promise<Hello> {
  let said: Hello | undefined;
  const link = await agent.connect((hello) => {
    said = hello;
    return { ...hello, fleet: newId("flt") };
  });
  await link.closed;
  return said!;
}
