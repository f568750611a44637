/** A session with a `queueTimeout` fails once it has waited for so long, with what it waited for. */
import { reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { call, create, ended, settled } from "../testing/call-api.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";
import { alarmIn, sleepNow } from "../testing/objects.ts";

afterEach(() => reset());

async function now(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
}

/** Makes a session's wait end so many seconds ago. (Another clock would make every node lost.) */
async function waitedSince(id: string, seconds: number): Promise<void> {
  await runInDurableObject(fleetOf(env), (_, { storage }) =>
    storage.sql.exec(
      "UPDATE sessions SET waits_until = ? WHERE id = ? AND waits_until IS NOT NULL",
      Date.now() - seconds * 1000,
      id,
    ),
  );
}

async function waitsUntil(id: string): Promise<number | null> {
  return await runInDurableObject(
    fleetOf(env),
    (_, { storage }) =>
      storage.sql.exec<{ at: number | null }>("SELECT waits_until AS at FROM sessions WHERE id = ?", id).one()
        .at,
  );
}

test("one that could never fit fails when its time is over, not before, and says what it waited for", async () => {
  await readyNode(nodeFacts(4));
  const { id } = await create({ resources: { cpu: 400 }, queueTimeout: 60 });
  await runDurableObjectAlarm(fleetOf(env));
  const { status, reason } = await now(id);
  expect([status, reason]).toEqual(["pending", expect.stringContaining("; 1st in the queue")]);
  await alarmIn(61, fleetOf(env));
  expect(await ended(id)).toMatchObject({
    status: "failed",
    reason: `it waited 60 s, its queueTimeout, and could not begin: ${reason}`,
    epoch: 0,
    startedAt: null,
  });
});

test("a fleet without nodes, and an API that was put to sleep: its alarm still ends the wait", async () => {
  const { id } = await create({ queueTimeout: 5 });
  await sleepNow(fleetOf(env));
  await alarmIn(6, fleetOf(env));
  expect((await ended(id)).status).toBe("failed");
});

test("a session that has begun is left alone, however long it waited", async () => {
  const { link } = await readyNode(nodeFacts(4));
  link.follow();
  const holder = await create({ resources: { cpu: 4 } }, "?wait=20");
  const { id } = await create({ resources: { cpu: 4 }, queueTimeout: 60 });
  expect(await waitsUntil(id)).toBeGreaterThan(Date.now() + 50_000);
  await call("DELETE", `/v1/sessions/${holder.id}`);
  expect((await settled(id)).status).toBe("running");
  expect(await waitsUntil(id)).toBeNull();
  await waitedSince(id, 10);
  await runDurableObjectAlarm(fleetOf(env));
  expect((await now(id)).status).toBe("running");
});

test("one that is ended just before its time stays terminated", async () => {
  const { id } = await create({ queueTimeout: 60 });
  await waitedSince(id, 1);
  await call("DELETE", `/v1/sessions/${id}`);
  expect((await ended(id)).status).toBe("terminated");
  await runDurableObjectAlarm(fleetOf(env));
  expect(await now(id)).toMatchObject({ status: "terminated", reason: "ended by request" });
});

test("the word that it waited too long changes nothing once its end has begun", async () => {
  const { id } = await create({ queueTimeout: 60 });
  await call("DELETE", `/v1/sessions/${id}`);
  await sessionOf(env, id).receive("fleet", [
    { seq: 1000, subject: "", body: { kind: "waitedTooLong", reason: "late" } },
  ]);
  expect((await ended(id)).reason).toBe("ended by request");
});

test("a session that is planned again waits anew, with its whole time", async () => {
  const { link } = await readyNode(nodeFacts(4));
  const { id } = await create({ resources: { cpu: 4 }, queueTimeout: 60, retries: 1 });
  const prepared = await link.asked("prepared");
  expect(await waitsUntil(id)).toBeNull();
  await call("PATCH", `/v1/nodes/${(await now(id)).containers[0]!.node}`, { schedulable: false });
  link.follow((assign, usual) => (assign.phase === "removed" ? usual : undefined));
  link.send(
    done(prepared, { phase: "none", identities: undefined, failure: { code: "image", message: "no such" } }),
  );
  await expect.poll(() => waitsUntil(id)).toBeGreaterThan(Date.now() + 50_000);
  await waitedSince(id, 0);
  await runDurableObjectAlarm(fleetOf(env));
  expect(await ended(id)).toMatchObject({ status: "failed", reason: expect.stringContaining("cordoned") });
});

test("more than one transaction takes fail all the same; those behind them move up", {
  timeout: 30_000,
}, async () => {
  for (let i = 0; i < 110; i++) await create({ queueTimeout: 60 });
  const patient = await create();
  expect(patient.reason).toContain("111th in the queue");
  await runInDurableObject(fleetOf(env), (_, { storage }) =>
    storage.sql.exec("UPDATE sessions SET waits_until = ? WHERE waits_until IS NOT NULL", Date.now()),
  );
  await runDurableObjectAlarm(fleetOf(env));
  await expect.poll(async () => (await now(patient.id)).reason, { timeout: 20_000 }).toMatch(/; 1st in/);
  const failed = () => call<{ items: SessionView[] }>("GET", "/v1/sessions?status=failed&limit=200");
  await expect.poll(async () => (await failed()).body.items.length, { timeout: 20_000 }).toBe(110);
});
