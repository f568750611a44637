/** `retries`: a session whose creation fails on a node gets another plan, which avoids that node if others have room. */
import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { call, create, settled } from "../testing/call-api.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";
import { heardAgo } from "../testing/objects.ts";

afterEach(() => {
  vi.useRealTimers();
  return reset();
});

/** The first plan of a session of one container uses `a`; `b` obeys. */
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
  "when a node fails at %s, the next plan avoids it",
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

test("when a node is lost, the session moves to another node at once; the lost node removes its part when it is back", async () => {
  const { a } = await twoNodes();
  const { id } = await create({ retries: 1, resources: { cpu: 1 } });
  await a.link.asked("prepared");
  a.link.close();
  const status = async () => (await call<NodeView>("GET", "/v1/nodes/left")).body.status;
  await expect.poll(status).toBe("disconnected");
  await heardAgo(a.agent.id, SETTINGS.nodeLeaseSeconds + 1);
  await runDurableObjectAlarm(fleetOf(env));
  expect(await settled(id)).toMatchObject({ status: "running", epoch: 2, containers: [{ node: "right" }] });
  expect(await allocated()).toEqual([1, 1]);
  (await a.agent.connect()).follow();
  await expect.poll(allocated).toEqual([1, 0]);
  expect((await settled(id)).status).toBe("running");
});

test("when a node takes too long, the next plan avoids it", async () => {
  const { a } = await twoNodes();
  a.link.follow((assign, usual) => (assign.phase === "prepared" ? undefined : usual));
  const { id } = await create({ retries: 1 });
  await a.link.ping();
  vi.setSystemTime(Date.now() + (SETTINGS.prepareQuietSeconds + 1) * 1000);
  await runDurableObjectAlarm(sessionOf(env, id));
  vi.useRealTimers();
  expect(await settled(id)).toMatchObject({ status: "running", epoch: 2, containers: [{ node: "right" }] });
});

test("if no other node has room, the same one is tried again, and its last failure fails the session", async () => {
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

test.each(["internal", "network_conflict"] as const)(
  "once the gate is open, nothing is retried: %s",
  async (code) => {
    const { a } = await twoNodes();
    a.link.follow((assign, usual) =>
      assign.phase === "running" ? { ...usual, failure: { code, message: "it broke" } } : usual,
    );
    const { id } = await create({ retries: 3 });
    const removed = await a.link.asked("removed");
    expect([removed.session, removed.epoch]).toEqual([id, 1]);
    const over = (await call<SessionView>("GET", `/v1/sessions/${id}?wait=20`)).body;
    expect(over).toMatchObject({ status: "failed", epoch: 1 });
    a.link.send(done(removed));
  },
);
