/** Every wait for a node has a limit. Its reason names the node, what it did not do, and the time. */
import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { sessionOf } from "../platform/objects.ts";
import { call, create, ended } from "../testing/call-api.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";

afterEach(() => {
  vi.useRealTimers();
  return reset();
});

async function now(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
}

/** Rings the session's alarm as if so many seconds had passed. */
async function later(id: string, seconds: number): Promise<void> {
  vi.setSystemTime(Date.now() + seconds * 1000);
  await runDurableObjectAlarm(sessionOf(env, id));
}

/** Waits until the first container has this status. */
async function first(id: string, status: string): Promise<void> {
  await expect.poll(async () => (await now(id)).containers[0]!.status).toBe(status);
}

/** main1 is on `a`, sub1 on `b`. */
async function twoNodes() {
  const a = await readyNode(nodeFacts(8, "192.0.2.1"), "left");
  const b = await readyNode(nodeFacts(8, "192.0.2.2"), "right");
  a.link.follow();
  return { a, b };
}

const SPREAD = { clusterMode: "multi-node", clusterSize: 2, resources: { cpu: 1 } };

describe("a session whose node is not prepared", () => {
  test("fails after the quiet limit if no node reports, not before, and names the node", async () => {
    const { a, b } = await twoNodes();
    const { id } = await create(SPREAD);
    await b.link.asked("prepared");
    await first(id, "prepared");
    await later(id, SETTINGS.prepareQuietSeconds - 5);
    expect((await now(id)).status).toBe("preparing");
    await later(id, 6);
    vi.useRealTimers();
    expect((await now(id)).reason).toBe(
      `node ${b.agent.name} was not prepared, and no node made progress for ${SETTINGS.prepareQuietSeconds} s; ` +
        "see what the node's Docker engine and image registry are busy with",
    );
    b.link.send(done(await b.link.asked("removed")));
    expect((await a.link.asked("removed")).force).toBe(true);
    expect((await ended(id)).status).toBe("failed");
  });

  test("fails at PREPARE_SECONDS in spite of progress, and says how far the node was", async () => {
    const { b } = await twoNodes();
    const { id } = await create(SPREAD);
    const prepared = await b.link.asked("prepared");
    const step = SETTINGS.prepareQuietSeconds - 10;
    for (let passed = 0, percent = 1; passed < SETTINGS.prepareSeconds; passed += step, percent++) {
      expect((await now(id)).status).toBe("preparing");
      const reason = `pulling: ${percent}%`;
      b.link.send(
        done(prepared, {
          phase: "none",
          identities: undefined,
          containers: [{ host: "sub1", status: "pulling", reason }],
        }),
      );
      await expect.poll(async () => (await now(id)).containers[1]!.reason).toBe(reason);
      await later(id, Math.min(step, SETTINGS.prepareSeconds - passed + 1));
    }
    vi.useRealTimers();
    expect((await now(id)).reason).toMatch(
      new RegExp(
        `^node ${b.agent.name} was not prepared within ${SETTINGS.prepareSeconds} s \\(sub1: pulling: \\d%\\); see`,
      ),
    );
  });

  test("gets its whole time again if the API was away when it ran out", async () => {
    const { b } = await twoNodes();
    const { id } = await create(SPREAD);
    const prepared = await b.link.asked("prepared");
    await later(id, SETTINGS.prepareSeconds * 2);
    vi.useRealTimers();
    expect((await now(id)).status).toBe("preparing");
    b.link.follow().send(done(prepared));
    await expect.poll(async () => (await now(id)).status).toBe("running");
  });
});

test("a session whose node does not start fails after the limit", async () => {
  const { b } = await twoNodes();
  b.link.follow((assign, usual) => (assign.phase === "started" ? undefined : usual));
  const { id } = await create(SPREAD);
  await b.link.asked("started");
  await first(id, "started");
  await later(id, SETTINGS.startSeconds + 1);
  vi.useRealTimers();
  expect(await ended(id)).toMatchObject({
    status: "failed",
    reason: expect.stringContaining(
      `node ${b.agent.name} did not start and prove its containers within ${SETTINGS.startSeconds} s`,
    ),
  });
});

test("a connected node that does not remove its part: the session ends, and what the node holds stays reserved", async () => {
  const { b } = await twoNodes();
  b.link.follow((assign, usual) => (assign.phase === "removed" ? undefined : usual));
  const { id } = await create(SPREAD, "?wait=20");
  await call("DELETE", `/v1/sessions/${id}`);
  const removed = await b.link.asked("removed");
  await first(id, "removed");
  await later(id, SETTINGS.removeSeconds + 1);
  vi.useRealTimers();
  expect(await ended(id)).toMatchObject({
    status: "terminated",
    reason: `ended by request; node ${b.agent.name} has not removed its part within ${SETTINGS.removeSeconds} s; it will when it can`,
    containers: [{ status: "removed" }, { status: "lost", reason: "its node has not confirmed its removal" }],
  });
  const held = async () => (await call<NodeView>("GET", `/v1/nodes/${b.agent.name}`)).body.allocated.cpu;
  expect(await held()).toBe(1);
  b.link.send(done(removed));
  await expect.poll(held).toBe(0);
  expect((await now(id)).containers[1]!.status).toBe("removed");
});
