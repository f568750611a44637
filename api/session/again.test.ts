/** `retries`: a creation that fails on a node is planned anew, without that node where others have room. */
import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { SETTINGS } from "../../shared/settings/settings.ts";
import { nodeOf, sessionOf } from "../platform/objects.ts";
import { call, create, settled } from "../testing/call-api.ts";
import { done, nodeFacts, readyNode } from "../testing/fake-agent.ts";

afterEach(() => {
  vi.useRealTimers();
  return reset();
});

/** A session of one goes to `a` first; `b` does what it is asked. */
async function twoNodes() {
  const a = await readyNode(nodeFacts(8, "192.0.2.1"), "left");
  const b = await readyNode(nodeFacts(8, "192.0.2.2"), "right");
  b.link.follow();
  return { a, b };
}

async function allocated(): Promise<number[]> {
  const { items } = (await call<{ items: NodeView[] }>("GET", "/v1/nodes")).body;
  return items.map((node) => node.allocated.cpu);
}

test.each(["prepared", "started"] as const)(
  "a node that fails at %s: the next plan goes elsewhere",
  async (phase) => {
    const { a } = await twoNodes();
    a.link.follow((assign, usual) =>
      assign.phase === phase
        ? { ...usual, phase: "none", failure: { code: "create", message: "no space left" } }
        : usual,
    );
    const { id } = await create({ retries: 1, resources: { cpu: 1 } });
    expect(await settled(id)).toMatchObject({
      status: "running",
      epoch: 2,
      reason: null,
      containers: [{ node: "right" }],
    });
    expect(await allocated()).toEqual([1, 0]);
  },
);

test("a node that is lost: goes on elsewhere at once, and the lost one is told when it is back", async () => {
  const { a } = await twoNodes();
  const { id } = await create({ retries: 1, resources: { cpu: 1 } });
  await a.link.asked("prepared");
  a.link.close();
  const status = async () => (await call<NodeView>("GET", "/v1/nodes/left")).body.status;
  await expect.poll(status).toBe("disconnected");
  vi.setSystemTime(Date.now() + (SETTINGS.nodeLeaseSeconds + 1) * 1000);
  await runDurableObjectAlarm(nodeOf(env, a.agent.id));
  vi.useRealTimers();
  expect(await settled(id)).toMatchObject({ status: "running", epoch: 2, containers: [{ node: "right" }] });
  expect(await allocated()).toEqual([1, 1]);
  (await a.agent.connect()).follow();
  await expect.poll(allocated).toEqual([1, 0]);
  expect((await settled(id)).status).toBe("running");
});

test("a node that takes too long", async () => {
  const { a } = await twoNodes();
  a.link.follow((assign, usual) => (assign.phase === "prepared" ? undefined : usual));
  const { id } = await create({ retries: 1 });
  await a.link.ping();
  vi.setSystemTime(Date.now() + (SETTINGS.prepareQuietSeconds + 1) * 1000);
  await runDurableObjectAlarm(sessionOf(env, id));
  vi.useRealTimers();
  expect(await settled(id)).toMatchObject({ status: "running", epoch: 2, containers: [{ node: "right" }] });
});

test("no other has room: the same node is tried again, and the last retry's failure is the session's", async () => {
  const { link } = await readyNode();
  const epochs: number[] = [];
  link.follow((assign, usual) => {
    if (assign.phase !== "prepared") return usual;
    epochs.push(assign.epoch);
    return { ...usual, phase: "none", failure: { code: "image", host: "main1", message: "no such image" } };
  });
  const { id } = await create({ retries: 2 });
  expect(await settled(id)).toMatchObject({
    status: "failed",
    epoch: 3,
    reason: expect.stringMatching(/^main1 on .*: no such image/),
  });
  expect(epochs).toEqual([1, 2, 3]);
});

test("once commands were let start, nothing is tried again", async () => {
  const { a } = await twoNodes();
  a.link.follow((assign, usual) =>
    assign.phase === "running" ? { ...usual, failure: { code: "internal", message: "it broke" } } : usual,
  );
  const { id } = await create({ retries: 3 });
  const removed = await a.link.asked("removed");
  expect([removed.session, removed.epoch]).toEqual([id, 1]);
  const over = (await call<SessionView>("GET", `/v1/sessions/${id}?wait=20`)).body;
  expect(over).toMatchObject({ status: "failed", epoch: 1 });
  a.link.send(done(removed));
});
