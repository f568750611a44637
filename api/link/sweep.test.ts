/** Idle links cost nothing; Fleet's sweep finds links that are gone or silent, and no others. */
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import { Fleet, Link } from "../index.ts";
import type { Connect } from "../platform/messages.ts";
import { fleetOf, linkOf } from "../platform/objects.ts";
import { call, create, settled } from "../testing/call-api.ts";
import { dial } from "../testing/connection.ts";
import { type FakeAgent, readyNode } from "../testing/fake-agent.ts";
import { alarmIn, sleepNow, storageOf } from "../testing/objects.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  return reset();
});

async function status({ name }: FakeAgent): Promise<NodeView["status"]> {
  return (await call<NodeView>("GET", `/v1/nodes/${name}`)).body.status;
}

/** Fleet's alarm, which runs a sweep, since an object that has just woken has not run one yet. */
async function sweep(): Promise<void> {
  await sleepNow(fleetOf(env));
  expect(await runDurableObjectAlarm(fleetOf(env))).toBe(true);
}

const alarmOf = (object: DurableObjectStub) =>
  runInDurableObject(object, (_, { storage }) => storage.getAlarm());

test("a Link stores nothing and has no alarm, whatever its links carry", async () => {
  const { agent, link } = await readyNode();
  link.follow();
  const { id } = await create({}, "?wait=20");
  await call("DELETE", `/v1/sessions/${id}`);
  await settled(id);
  await agent.welcomed();
  await sweep();
  expect(await storageOf(linkOf(env, agent.id))).toEqual({ "": [] });
  expect(await alarmOf(linkOf(env, agent.id))).toBeNull();
});

test("nodes without news cost no write: Fleet's alarm asks their Links, and stores nothing", async () => {
  for (let i = 0; i < 3; i++) await readyNode();
  await sweep();
  const asked = vi.spyOn(Link.prototype, "sweep");
  const before = await storageOf(fleetOf(env));
  await sweep();
  expect(asked).toHaveBeenCalled();
  expect(await storageOf(fleetOf(env))).toEqual(before);
  // The alarm is set again, and the nodes cost nothing else.
  expect(await alarmOf(fleetOf(env))).toBeGreaterThan(Date.now());
});

describe("a sweep", () => {
  test("drops a link that has been silent too long, and keeps one that was pinged", async () => {
    const { agent, link } = await readyNode();
    const other = await readyNode();
    // Since then only pings came, which the platform answers itself.
    for (const { id } of [agent, other.agent]) {
      await runInDurableObject(linkOf(env, id), (_, state) => {
        for (const socket of state.getWebSockets(id)) {
          const since = Date.now() - (CONSTANTS.linkDeadSeconds + 1) * 1000;
          socket.serializeAttachment({ ...socket.deserializeAttachment(), since });
        }
      });
    }
    await other.link.ping();
    await sweep();
    expect((await link.closed).code).toBe(4011);
    expect(await status(agent)).toBe("disconnected");
    expect(await status(other.agent)).toBe("ready");
  });

  test("reports the last sign of life of a silent node: its lease counts from then", async () => {
    const { agent } = await readyNode();
    const connectedAt = Date.now();
    await alarmIn(CONSTANTS.linkDeadSeconds + 1, fleetOf(env));
    const { body } = await call<NodeView>("GET", `/v1/nodes/${agent.name}`);
    expect(body.status).toBe("disconnected");
    expect(Date.parse(body.lastSeenAt!)).toBeLessThanOrEqual(connectedAt + 1000);
  });

  test("finds links that ended without a close event, since their Link went down with them", async () => {
    const { agent } = await readyNode();
    await evictDurableObject(linkOf(env, agent.id), { webSockets: "close" });
    await sweep();
    expect(await status(agent)).toBe("disconnected");
  });

  test("drops a stranger that proves nothing, however often it pings", async () => {
    const { agent } = await readyNode();
    const stranger = await dial(agent.id);
    vi.setSystemTime(Date.now() - (CONSTANTS.linkDeadSeconds + 1) * 1000);
    const earlier = await dial(agent.id);
    vi.useRealTimers();
    for (const each of [stranger, earlier]) await each.ping();
    await sweep();
    expect((await earlier.closed).code).toBe(4011);
    // The other one still has time to prove its key.
    await stranger.ping();
    expect(await status(agent)).toBe("ready");
  });

  test("drops a stranger also if no node of that Link is connected", async () => {
    const { agent, link } = await readyNode();
    link.close();
    await expect.poll(() => status(agent)).toBe("disconnected");
    const stranger = await dial(agent.id);
    await alarmIn(CONSTANTS.linkDeadSeconds + 1, fleetOf(env));
    expect((await stranger.closed).code).toBe(4011);
  });

  test("that cannot reach a Link keeps its nodes as connected, and asks again", async () => {
    const { agent } = await readyNode();
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const lost = vi.spyOn(Link.prototype, "sweep").mockImplementation(() => {
      throw new Error("lost on the way");
    });
    await sweep();
    expect(lost).toHaveBeenCalled();
    expect(error).toHaveBeenCalled();
    expect(await status(agent)).toBe("ready");
    lost.mockRestore();
    await evictDurableObject(linkOf(env, agent.id), { webSockets: "close" });
    await sweep();
    expect(await status(agent)).toBe("disconnected");
  });
});

describe("a sweep that races with a node that connects again", () => {
  test("does not end the new connection: the Link answered before it existed", async () => {
    const { agent } = await readyNode();
    await evictDurableObject(linkOf(env, agent.id), { webSockets: "close" });
    const { sweep: swept } = Link.prototype;
    vi.spyOn(Link.prototype, "sweep").mockImplementationOnce(async function (this: Link) {
      const answer = swept.call(this);
      await agent.welcomed();
      return answer;
    } as never);
    await sweep();
    expect(await status(agent)).toBe("ready");
  });

  test("nor if Fleet knows it already and the Link does not yet", async () => {
    const { agent, link } = await readyNode();
    link.close();
    await expect.poll(() => status(agent)).toBe("disconnected");
    const { nodeConnected } = Fleet.prototype;
    vi.spyOn(Fleet.prototype, "nodeConnected").mockImplementationOnce(async function (
      this: Fleet,
      connect: Connect,
    ) {
      const answer = nodeConnected.call(this, connect);
      await this.alarm();
      return answer;
    } as never);
    const asked = vi.spyOn(Link.prototype, "sweep");
    await sleepNow(fleetOf(env));
    await agent.welcomed();
    expect(asked).toHaveBeenCalled();
    expect(await status(agent)).toBe("ready");
  });
});
