/** How a removal handles disconnected nodes, and how a session gets another plan. */
import { reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { Plan } from "../../shared/plan/plan.ts";
import type { Welcome } from "../../shared/protocol/protocol.ts";
import type { SessionRecord } from "../../shared/session/session-record.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { sessionOf } from "../platform/objects.ts";
import { call, create, ended, settled } from "../testing/call-api.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";

afterEach(() => reset());

async function node(name: string): Promise<NodeView> {
  return (await call<NodeView>("GET", `/v1/nodes/${name}`)).body;
}

/** Ends the grace for disconnected nodes, and rings the alarm. */
async function graceOver(id: string): Promise<void> {
  await runInDurableObject(sessionOf(env, id), (_, { storage }) => {
    const record = storage.kv.get<SessionRecord>("session")!;
    expect(record.giveUpAt).toBeGreaterThan(Date.now() + 0.9 * SETTINGS.removalGraceSeconds * 1000);
    storage.kv.put("session", { ...record, giveUpAt: Date.now() });
  });
  await runDurableObjectAlarm(sessionOf(env, id));
}

describe("a node that is disconnected at the end of a session", () => {
  test("may come back within the grace; after it the removal gives up the node, and what it holds stays reserved until it confirms", async () => {
    const { agent, link } = await readyNode();
    link.follow();
    const { id } = await create({ name: "debt", resources: { cpu: 2 } }, "?wait=20");
    link.close();
    await expect.poll(async () => (await node(agent.name)).status).toBe("disconnected");
    await call("DELETE", `/v1/sessions/${id}`);
    await runDurableObjectAlarm(sessionOf(env, id));
    expect((await call<SessionView>("GET", `/v1/sessions/${id}`)).body.status).toBe("terminating");

    await graceOver(id);
    expect(await ended(id)).toMatchObject({ status: "terminated", containers: [{ status: "lost" }] });
    expect((await node(agent.name)).allocated.cpu).toBe(2);

    // Once it is back, the node gets the request to remove its part, which frees what it held.
    const again = await agent.connect();
    const { assignments } = await again.next<Welcome>("welcome");
    expect(assignments.map(({ session, phase }) => [session, phase])).toEqual([[id, "removed"]]);
    again.send(done(assignments[0]!));
    await expect.poll(async () => (await node(agent.name)).allocated.cpu).toBe(0);
    const session = (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
    expect(session).toMatchObject({ status: "terminated", containers: [{ status: "removed" }] });
    // After that it receives nothing more.
    const third = await agent.connect();
    expect((await third.next<Welcome>("welcome")).assignments).toEqual([]);
  });

  test("is not given up while it is connected", async () => {
    const { link } = await readyNode();
    link.follow((assign, usual) => (assign.phase === "removed" ? undefined : usual));
    const { id } = await create({}, "?wait=20");
    await call("DELETE", `/v1/sessions/${id}`);
    const removed = await link.asked("removed");
    await graceOver(id);
    expect((await call<SessionView>("GET", `/v1/sessions/${id}`)).body.status).toBe("terminating");
    link.send(done(removed));
    expect((await ended(id)).status).toBe("terminated");
  });
});

describe("a session whose network conflicts on a node", () => {
  test("gets a plan with another network, once the first is removed everywhere", async () => {
    const [a, b] = [await readyNode(nodeFacts(8, "192.0.2.1")), await readyNode(nodeFacts(8, "192.0.2.2"))];
    a.link.follow((assign, usual) => (assign.phase === "removed" ? undefined : usual));
    b.link.follow((assign, usual) =>
      assign.phase === "prepared" && assign.epoch === 1
        ? {
            ...usual,
            phase: "none",
            failure: { code: "network_conflict", message: "10.64.0.0/24 is in use" },
          }
        : usual,
    );
    const first = await create({ clusterMode: "multi-node", clusterSize: 2 });
    const removed = await a.link.asked("removed");
    expect(removed).toMatchObject({ epoch: 1, force: true });
    const pending = (await call<SessionView>("GET", `/v1/sessions/${first.id}`)).body;
    expect(pending).toMatchObject({
      status: "pending",
      reason: expect.stringMatching(/10\.64\.0\.0\/24 is in use/),
    });

    a.link.send(done(removed));
    const session = await settled(first.id);
    expect(session).toMatchObject({ status: "running", epoch: 2, reason: null });
    expect(session.network!.subnet).not.toBe(first.network!.subnet);
    expect(session.network!.vni).not.toBe(first.network!.vni);
    // A late report of the first epoch changes nothing.
    a.link.send(done(removed));
    await call("DELETE", `/v1/sessions/${first.id}`);
    a.link.send(done(await a.link.asked("removed")));
    expect((await ended(first.id)).status).toBe("terminated");
    expect((await node(a.agent.name)).allocated).toEqual((await node(b.agent.name)).allocated);
  });

  test("fails after MAX_EPOCHS plans", async () => {
    const { link } = await readyNode();
    const epochs: number[] = [];
    link.follow((assign, usual) => {
      if (assign.phase !== "prepared") return usual;
      epochs.push(assign.epoch);
      return { ...usual, phase: "none", failure: { code: "network_conflict", message: "in use" } };
    });
    const { id } = await create();
    const session = await settled(id);
    expect(session).toMatchObject({ status: "failed", epoch: SETTINGS.maxEpochs });
    expect(epochs).toEqual([1, 2, 3, 4, 5]);
  });

  test("ends by request while it waits for another plan", async () => {
    const { link } = await readyNode();
    link.follow((assign, usual) => {
      if (assign.phase === "removed") return undefined;
      return { ...usual, phase: "none", failure: { code: "network_conflict", message: "in use" } };
    });
    const { id } = await create({ resources: { cpu: 1 } });
    const removed = await link.asked("removed");
    await call("DELETE", `/v1/sessions/${id}`);
    link.send(done(removed));
    expect(await ended(id)).toMatchObject({ status: "terminated", reason: "ended by request" });
    const { items } = (await call<{ items: NodeView[] }>("GET", "/v1/nodes")).body;
    expect(items[0]!.allocated.cpu).toBe(0);
  });
});

test("a plan that comes before the last one is removed is an illegal step, and changes nothing", async () => {
  const { link } = await readyNode();
  link.follow((assign, usual) =>
    assign.phase === "removed"
      ? undefined
      : { ...usual, phase: "none", failure: { code: "network_conflict", message: "in use" } },
  );
  const { id } = await create();
  const removed = await link.asked("removed");
  const record = () =>
    runInDurableObject(sessionOf(env, id), (_, { storage }) => storage.kv.get<SessionRecord>("session"));
  const before = await record();
  const plan = { nodes: [], containers: [] } as unknown as Plan;
  const early = {
    seq: 1_000_000,
    subject: "",
    body: { kind: "begin" as const, epoch: 2, plan, nodesChange: 0 },
  };
  await expect(async () => sessionOf(env, id).receive("fleet", [early])).rejects.toThrow(
    `session ${id} is pending at epoch 1 and cannot take the event`,
  );
  expect(await record()).toEqual(before);
  link.follow().send(done(removed));
  expect(await settled(id)).toMatchObject({ status: "running", epoch: 2 });
});

test("a node that removes its part unasked fails the session", async () => {
  const { link } = await readyNode();
  link.follow();
  const { id } = await create({}, "?wait=20");
  link.send({ type: "report", session: id, epoch: 1, phase: "removed", containers: [] });
  expect(await untilOver(id)).toMatchObject({
    status: "failed",
    reason: expect.stringMatching(/unasked|without being asked/),
  });
});

async function untilOver(id: string): Promise<SessionView> {
  await expect.poll(async () => (await settled(id)).status).toBe("failed");
  return settled(id);
}
