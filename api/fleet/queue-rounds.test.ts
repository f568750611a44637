/** When the queue runs: after changes that make room, seldom, and never without need. */
import { reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { fleetOf } from "../platform/objects.ts";
import { call, create, ended, settled } from "../testing/call-api.ts";
import { FakeAgent, nodeFacts, readyNode } from "../testing/fake-agent.ts";
import { sleepNow, storageOf } from "../testing/objects.ts";
import { FleetSnapshot } from "./fleet-snapshot.ts";

/** A round takes one snapshot of the fleet; so does a dry run. */
let rounds: MockInstance;

beforeEach(() => {
  rounds = vi.spyOn(FleetSnapshot.prototype, "take");
});

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

const NEVER = { resources: { cpu: 1000 } };

const alarmAt = () => runInDurableObject(fleetOf(env), (_, { storage }) => storage.getAlarm());

/** Lets the alarm ring until no round is due. */
async function quiet(): Promise<void> {
  await expect
    .poll(async () => {
      const before = rounds.mock.calls.length;
      await runDurableObjectAlarm(fleetOf(env));
      const at = (await alarmAt()) ?? Infinity;
      return rounds.mock.calls.length === before && at > Date.now() + 5000;
    })
    .toBe(true);
}

test("many nodes that connect at once make few rounds, and the rounds see all of them", async () => {
  const agents = [];
  for (let i = 0; i < 40; i++) agents.push(await FakeAgent.join(nodeFacts(1, `192.0.2.${i + 1}`)));
  const never = await create(NEVER);
  const all = await create({ clusterMode: "multi-node", clusterSize: 40, resources: { cpu: 1 } });
  rounds.mockClear();
  const since = Date.now();
  const links = await Promise.all(agents.map((agent) => agent.connect()));
  for (const link of links) link.follow();
  expect((await settled(all.id)).status).toBe("running");
  // The first at once, then one per 200 ms: the pause may be longer, never shorter.
  expect(rounds.mock.calls.length).toBeLessThanOrEqual(2 + (Date.now() - since) / 200);
  const reason = async () => (await call<SessionView>("GET", `/v1/sessions/${never.id}`)).body.reason;
  await expect.poll(reason).toMatch(/^needs 1000 cores in all; the whole fleet has 40;/);
});

describe("no round runs", () => {
  test("for a node that reconnects without news; Fleet writes only the number of its connection", async () => {
    const { agent } = await readyNode();
    await create(NEVER);
    await quiet();
    rounds.mockClear();
    const before = await storageOf(fleetOf(env));
    const { welcome } = await agent.welcomed();
    expect(welcome.connection).toBe(2);
    await quiet();
    expect(rounds).not.toHaveBeenCalled();
    const [row] = before["nodes"] as [object];
    expect(await storageOf(fleetOf(env))).toEqual({ ...before, nodes: [{ ...row, connection: 2 }] });
  });

  test("if nothing waits, whatever happens to nodes and sessions", async () => {
    const { agent, link } = await readyNode();
    link.follow();
    const { id } = await create({}, "?wait=20");
    rounds.mockClear();
    await readyNode();
    await call("PATCH", `/v1/nodes/${agent.id}`, { schedulable: false });
    await call("DELETE", `/v1/sessions/${id}`);
    await ended(id);
    await runDurableObjectAlarm(fleetOf(env));
    expect(rounds).not.toHaveBeenCalled();
  });

  test("for a session that waits, while nothing happens", async () => {
    await readyNode();
    await create(NEVER);
    await quiet();
    rounds.mockClear();
    for (let i = 0; i < 3; i++) await runDurableObjectAlarm(fleetOf(env));
    await sleepNow(fleetOf(env));
    await runDurableObjectAlarm(fleetOf(env));
    expect(rounds).not.toHaveBeenCalled();
  });

  test("for one that no longer waits when its round is due, and the alarm does not keep ringing for it", async () => {
    const { agent } = await readyNode();
    const { id } = await create(NEVER);
    await quiet();
    // The first change may get a round at once; the second one has to wait.
    for (const zone of ["a", "b"]) await call("PATCH", `/v1/nodes/${agent.id}`, { labels: { zone } });
    await call("DELETE", `/v1/sessions/${id}`);
    await ended(id);
    rounds.mockClear();
    await expect
      .poll(async () => {
        await runDurableObjectAlarm(fleetOf(env));
        return (await alarmAt())! - Date.now();
      })
      .toBeGreaterThan(5000);
    expect(rounds).not.toHaveBeenCalled();
  });
});

describe("a round runs", () => {
  test("at once for a new session if there is nothing else to evaluate, however recent the last round was", async () => {
    await readyNode();
    for (let i = 0; i < 5; i++) expect((await create()).status).toBe("preparing");
  });

  test("soon after its object has slept in between", async () => {
    const agent = await FakeAgent.join();
    const { id } = await create();
    await sleepNow(fleetOf(env));
    (await agent.connect()).follow();
    await sleepNow(fleetOf(env));
    expect((await settled(id)).status).toBe("running");
  });

  test("when a node that held something has given it back", async () => {
    const { agent, link } = await readyNode(nodeFacts(2));
    link.follow();
    const first = await create({ resources: { cpu: 2 } }, "?wait=20");
    const second = await create({ resources: { cpu: 2 } });
    expect(second.status).toBe("pending");
    await call("DELETE", `/v1/sessions/${first.id}`);
    expect((await settled(second.id)).status).toBe("running");
    expect((await call<NodeView>("GET", `/v1/nodes/${agent.id}`)).body.allocated.cpu).toBe(2);
  });
});
