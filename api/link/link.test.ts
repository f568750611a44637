/** A node's link: which agents are accepted, which connection replaces another, invalid frames, hibernation. */
import { evictDurableObject, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import { type Hello, PROTOCOL, type Welcome } from "../../shared/protocol/protocol.ts";
import { done, identityOf } from "../../shared/testing/reports.ts";
import { Fleet } from "../index.ts";
import { newId } from "../platform/ids.ts";
import type { Connect } from "../platform/messages.ts";
import { fleetOf, linkOf } from "../platform/objects.ts";
import { call, create } from "../testing/call-api.ts";
import { dial } from "../testing/connection.ts";
import { FakeAgent, nodeFacts, readyNode } from "../testing/fake-agent.ts";
import { storageOf } from "../testing/objects.ts";
import { openLinks } from "./open-links.ts";

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

async function status(name: string): Promise<NodeView["status"]> {
  return (await call<NodeView>("GET", `/v1/nodes/${name}`)).body.status;
}

describe("admission", () => {
  test("a node that proves its key: the node is ready, with the facts it reported", async () => {
    const agent = await FakeAgent.join(nodeFacts(4));
    expect(await status(agent.name)).toBe("disconnected");
    const link = await agent.connect((hello) => ({ ...hello, capacity: { ...hello.capacity, cpu: 6 } }));
    expect(await link.next<Welcome>("welcome")).toEqual({
      type: "welcome",
      protocol: PROTOCOL.max,
      connection: 1,
      redialMs: expect.any(Number),
      assignments: [],
    });
    const { body } = await call<NodeView>("GET", `/v1/nodes/${agent.name}`);
    expect(body).toMatchObject({ id: agent.id, status: "ready", capacity: { cpu: 6 } });
    expect(Date.parse(body.lastSeenAt!)).toBeGreaterThan(Date.now() - 60_000);
  });

  test.each(["node_nonsense", newId("node"), "%00", "a".repeat(256)])(
    "not a node outside the fleet: %s",
    async (id) => {
      expect((await (await dial(id)).closed).code).toBe(4004);
    },
  );

  test("not a stranger: its dial leaves nothing behind and takes no place", async () => {
    const stored = () => storageOf(linkOf(env, "node_stranger"));
    // Awake, its Link counts anew: an earlier test's node may have been on it.
    await stored();
    const before = openLinks();
    await (await dial("node_stranger")).closed;
    expect(await stored()).toEqual({ "": [] });
    expect(openLinks()).toBe(before);
  });

  test("a node without an id, or without a WebSocket, gets a problem", async () => {
    expect((await call<{ code: string }>("GET", "/v1/agents/connect")).body.code).toBe("invalid_request");
    expect((await call<{ code: string }>("GET", `/v1/agents/connect?node=${newId("node")}`)).body.code).toBe(
      "upgrade_required",
    );
  });

  const wrong: [string, (hello: Hello, other: FakeAgent) => Hello, number][] = [
    ["a signature that is invalid", (hello) => ({ ...hello, signature: "AAAA" }), 4001],
    ["a signature that is not base64url", (hello) => ({ ...hello, signature: "ß!" }), 4001],
    [
      "a signature of another challenge",
      (hello) => ({ ...hello, signature: `${hello.signature.slice(0, -4)}AAAA` }),
      4001,
    ],
    ["another node's name", (hello, other) => ({ ...hello, node: other.id }), 4004],
    ["another fleet", (hello) => ({ ...hello, fleet: newId("flt") }), 4004],
    [
      "a protocol from the future",
      (hello) => ({ ...hello, protocol: { min: PROTOCOL.max + 1, max: 99 } }),
      4010,
    ],
    [
      "a protocol from the past",
      (hello) => ({ ...hello, protocol: { min: 1, max: PROTOCOL.min - 1 } }),
      4010,
    ],
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

describe("late messages between objects", () => {
  test("the end of an earlier connection, and its reports, change nothing", async () => {
    const { agent, link } = await readyNode(nodeFacts(8));
    await agent.welcomed();
    expect((await link.closed).code).toBe(4009);
    await fleetOf(env).disconnected(agent.id, 1);
    const { facts } = agent.node;
    await fleetOf(env).nodeSaid(agent.id, 1, { capacity: { cpu: 1, memory: 1, gpu: 0 }, facts });
    const { body } = await call<NodeView>("GET", `/v1/nodes/${agent.name}`);
    expect(body).toMatchObject({ status: "ready", capacity: { cpu: 8 } });
  });
});

describe("an agent that leaves while it is being accepted", () => {
  test("is disconnected: its link replaced the earlier one and ended before Fleet's answer came", async () => {
    const { agent, link: earlier } = await readyNode();
    const { nodeConnected } = Fleet.prototype;
    const gone = Promise.withResolvers<void>();
    const told = vi.spyOn(Fleet.prototype, "nodeConnected").mockImplementationOnce(async function (
      this: Fleet,
      connect: Connect,
    ) {
      const answer = nodeConnected.call(this, connect);
      await gone.promise;
      return answer;
    } as never);
    const link = await agent.connect();
    await vi.waitFor(() => expect(told).toHaveBeenCalled());
    link.close();
    await link.closed;
    gone.resolve();
    await expect.poll(() => status(agent.name)).toBe("disconnected");
    expect((await earlier.closed).code).toBe(4009);
    const { welcome } = await agent.welcomed();
    expect(welcome.connection).toBe(3);
    expect(await status(agent.name)).toBe("ready");
  });
});

describe("a second connection of the same node", () => {
  test("takes over; the first gets a close code that forbids dialling again", async () => {
    const { agent, link } = await readyNode();
    const second = await agent.connect();
    expect((await second.next<Welcome>("welcome")).connection).toBe(2);
    expect((await link.closed).code).toBe(4009);
    await create();
    expect((await second.asked("prepared")).phase).toBe("prepared");
    expect(await status(agent.name)).toBe("ready");
  });

  test("takes over nothing before it has proven its key", async () => {
    const { agent, link } = await readyNode();
    await dial(agent.id);
    await create();
    expect((await link.asked("prepared")).phase).toBe("prepared");
  });
});

/** Frames that are valid except for the given fields. */
const ran = { host: "main1", status: "running" };
const saying = (wrong: object) => ({
  ...{ type: "report", session: "ses_1", epoch: 1, phase: "prepared", containers: [] },
  ...wrong,
});
const telling = (wrong: object) => {
  const { capacity, facts } = nodeFacts();
  return { type: "facts", capacity, facts: { ...facts, ...wrong } };
};

describe("an invalid frame", () => {
  test.each([
    ["no JSON", "hello"],
    ["an unknown type", { type: "shout" }],
    ["a report without a session", { type: "report", epoch: 1, phase: "none", containers: [] }],
    ["bytes", new ArrayBuffer(4)],
    ["a second hello", "again"],
    ["a session id that is too long for a key", saying({ session: "s".repeat(3000) })],
    ["an invalid session id", saying({ session: "../ses_1" })],
    ["a container id of megabytes", saying({ containers: [{ ...ran, containerId: "c".repeat(3_000_000) }] })],
    ["an invalid host", saying({ containers: [{ ...ran, host: "main1\n" }] })],
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

describe("sleep", () => {
  test("a sleeping object keeps its link, and pings do not wake it", async () => {
    const { agent, link } = await readyNode();
    await evictDurableObject(linkOf(env, agent.id));
    await link.ping();
    // It still sleeps.
    await expect(evictDurableObject(linkOf(env, agent.id))).rejects.toThrow(/not currently running/);
    await create();
    expect((await link.asked("prepared")).phase).toBe("prepared");
  });
});

/** A hello that was valid in an earlier version. */
async function helloOf(agent: FakeAgent): Promise<Hello> {
  let said: Hello | undefined;
  const link = await agent.connect((hello) => {
    said = hello;
    return { ...hello, fleet: newId("flt") };
  });
  await link.closed;
  return said!;
}
