/** A node that stays away is disconnected, then lost: how its sessions react, and what stays reserved on it. */
import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { Welcome } from "../../shared/protocol/protocol.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import { done } from "../../shared/testing/reports.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { call, create, ended } from "../testing/call-api.ts";
import type { Connection } from "../testing/connection.ts";
import { type FakeAgent, nodeFacts, readyNode } from "../testing/fake-agent.ts";
import { alarmIn, heardAgo } from "../testing/objects.ts";

afterEach(() => {
  vi.useRealTimers();
  return reset();
});

async function node({ name }: FakeAgent): Promise<NodeView> {
  return (await call<NodeView>("GET", `/v1/nodes/${name}`)).body;
}

async function now(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
}

/** Fleet's alarm rings so many seconds after the last sign of life of a disconnected node. */
async function away({ id }: FakeAgent, seconds: number): Promise<void> {
  await heardAgo(id, seconds);
  await runDurableObjectAlarm(fleetOf(env));
}

async function goDown({ agent, link }: { agent: FakeAgent; link: Connection }): Promise<void> {
  link.close();
  await expect.poll(async () => (await node(agent)).status).toBe("disconnected");
}

/** main1 is on `a`, sub1 on `b`. */
async function twoNodes() {
  const a = await readyNode(nodeFacts(8, "192.0.2.1"), "left");
  const b = await readyNode(nodeFacts(8, "192.0.2.2"), "right");
  return { a, b };
}

const SPREAD = { clusterMode: "multi-node", clusterSize: 2, resources: { cpu: 1 } };

describe("the lease", () => {
  test("makes a node lost when it is over, not before, and ends when the node is back", async () => {
    const a = await readyNode();
    await goDown(a);
    await away(a.agent, SETTINGS.nodeLeaseSeconds - 5);
    expect((await node(a.agent)).status).toBe("disconnected");
    await away(a.agent, SETTINGS.nodeLeaseSeconds + 1);
    expect((await node(a.agent)).status).toBe("lost");

    const again = await a.agent.connect();
    expect((await again.next<Welcome>("welcome")).connection).toBe(2);
    expect((await node(a.agent)).status).toBe("ready");
    await away(a.agent, 5);
    expect((await node(a.agent)).status).toBe("ready");
    await goDown({ agent: a.agent, link: again });
    await away(a.agent, SETTINGS.nodeLeaseSeconds + 1);
    expect((await node(a.agent)).status).toBe("lost");
  });

  test("counts from the last sign of life of a silent node", async () => {
    const { agent } = await readyNode();
    await alarmIn(CONSTANTS.linkDeadSeconds + 1, fleetOf(env));
    expect((await node(agent)).status).toBe("disconnected");
    await alarmIn(SETTINGS.nodeLeaseSeconds + 1, fleetOf(env));
    expect((await node(agent)).status).toBe("lost");
  });
});

describe("a session whose node is lost", () => {
  test("fails as a gang and says which node and for how long; what the node holds stays reserved", async () => {
    const { a, b } = await twoNodes();
    for (const { link } of [a, b]) link.follow();
    const { id } = await create(SPREAD, "?wait=20");
    await goDown(b);
    expect((await now(id)).status).toBe("running");
    await away(b.agent, SETTINGS.nodeLeaseSeconds + 1);

    expect((await a.link.asked("removed")).force).toBe(true);
    const session = await ended(id);
    expect(session.status).toBe("failed");
    expect(session.reason).toMatch(
      new RegExp(`^node ${b.agent.name} is lost: silent for 6\\d s; it held sub1; check`),
    );
    expect(session.containers.map(({ status }) => status)).toEqual(["removed", "lost"]);
    expect((await node(a.agent)).allocated.cpu).toBe(0);
    expect((await node(b.agent)).allocated.cpu).toBe(1);

    // Once it is back, the node gets the request to remove its part. Only the confirmation frees its resources.
    const again = await b.agent.connect();
    const { assignments } = await again.next<Welcome>("welcome");
    expect(assignments.map(({ session: of, phase }) => [of, phase])).toEqual([[id, "removed"]]);
    expect((await node(b.agent)).allocated.cpu).toBe(1);
    again.send(done(assignments[0]!));
    await expect.poll(async () => (await node(b.agent)).allocated.cpu).toBe(0);
  });

  test.each(["preparing", "starting"])("fails while it is %s", async (status) => {
    const { a, b } = await twoNodes();
    a.link.follow();
    b.link.follow((assign, usual) =>
      status === "starting" && assign.phase === "prepared" ? usual : undefined,
    );
    const { id } = await create({ ...SPREAD, onNodeLoss: "keep" });
    await expect.poll(async () => (await now(id)).status).toBe(status);
    await goDown(b);
    await away(b.agent, SETTINGS.nodeLeaseSeconds + 1);
    expect(await ended(id)).toMatchObject({
      status: "failed",
      reason: expect.stringContaining(`node ${b.agent.name} is lost`),
    });
  });

  test("ends without waiting for it, if its end has begun", async () => {
    const { a, b } = await twoNodes();
    a.link.follow();
    b.link.follow((assign, usual) => (assign.phase === "removed" ? undefined : usual));
    const { id } = await create(SPREAD, "?wait=20");
    await call("DELETE", `/v1/sessions/${id}`);
    await b.link.asked("removed");
    await goDown(b);
    await away(b.agent, SETTINGS.nodeLeaseSeconds + 1);
    expect(await ended(id)).toMatchObject({ status: "terminated", reason: "ended by request" });
  });

  test('carries on with onNodeLoss "keep", shows the loss, and recovers when the node is back', async () => {
    const { a, b } = await twoNodes();
    for (const { link } of [a, b]) link.follow();
    const { id } = await create({ ...SPREAD, onNodeLoss: "keep" }, "?wait=20");
    await goDown(b);
    await away(b.agent, SETTINGS.nodeLeaseSeconds + 1);
    await expect
      .poll(async () => (await now(id)).containers.map(({ status }) => status))
      .toEqual(["running", "lost"]);
    expect(await now(id)).toMatchObject({ status: "running", reason: null });
    expect((await now(id)).containers[1]!.reason).toMatch(
      new RegExp(`^node ${b.agent.name} is lost: silent for 6\\d s$`),
    );
    expect((await node(b.agent)).allocated.cpu).toBe(1);

    const again = await b.agent.connect();
    const { assignments } = await again.next<Welcome>("welcome");
    expect(assignments.map(({ phase }) => phase)).toEqual(["running"]);
    again.follow().send(done(assignments[0]!));
    await expect
      .poll(async () => (await now(id)).containers.map(({ status, reason }) => [status, reason]))
      .toEqual([
        ["running", null],
        ["running", null],
      ]);
    await call("DELETE", `/v1/sessions/${id}`);
    expect((await ended(id)).status).toBe("terminated");
  });

  test('ends with onNodeLoss "keep" like any other; the node gets the request to remove its part when it is back', async () => {
    const { a, b } = await twoNodes();
    for (const { link } of [a, b]) link.follow();
    const { id } = await create({ ...SPREAD, onNodeLoss: "keep" }, "?wait=20");
    await goDown(b);
    await away(b.agent, SETTINGS.nodeLeaseSeconds + 1);
    await expect.poll(async () => (await now(id)).containers[1]!.status).toBe("lost");
    await call("DELETE", `/v1/sessions/${id}`);
    await a.link.asked("removed");
    vi.setSystemTime(Date.now() + (SETTINGS.removalGraceSeconds + 1) * 1000);
    await runDurableObjectAlarm(sessionOf(env, id));
    vi.useRealTimers();
    expect((await ended(id)).containers.map(({ status }) => status)).toEqual(["removed", "lost"]);
    const { assignments } = await (await b.agent.connect()).next<Welcome>("welcome");
    expect(assignments.map(({ phase }) => phase)).toEqual(["removed"]);
  });
});

describe("a session that waits for another plan", () => {
  /** Its first plan has failed on `left`, which does not confirm that its part is removed. */
  async function failedOnce() {
    const left = await readyNode(nodeFacts(8, "192.0.2.1"), "left");
    left.link.follow((assign, usual) =>
      assign.phase === "removed"
        ? undefined
        : { ...usual, phase: "none", failure: { code: "create", message: "no space left" } },
    );
    const { id } = await create({ retries: 1, resources: { cpu: 1 } });
    await left.link.asked("removed");
    expect((await now(id)).status).toBe("pending");
    return { id, left };
  }

  async function runsOnAnother(id: string) {
    const right = await readyNode(nodeFacts(8, "192.0.2.2"), "right");
    right.link.follow();
    await expect.poll(() => now(id)).toMatchObject({ status: "running", epoch: 2 });
  }

  test("does not fail when a node of its last plan is lost", async () => {
    const { id, left } = await failedOnce();
    await goDown(left);
    await away(left.agent, SETTINGS.nodeLeaseSeconds + 1);
    await runsOnAnother(id);
  });

  test("does not fail when a node of its last plan leaves the fleet by force", async () => {
    const { id, left } = await failedOnce();
    expect((await call("DELETE", `/v1/nodes/${left.agent.id}?force=true`)).status).toBe(204);
    await runsOnAnother(id);
  });
});

test("onNodeLoss takes only fail and keep", async () => {
  await readyNode();
  const answer = await call<{ errors: { field: string }[] }>("POST", "/v1/sessions", {
    image: "a",
    onNodeLoss: "wait",
  });
  expect([answer.status, answer.body.errors[0]!.field]).toEqual([400, "onNodeLoss"]);
});
