/** A manual gate: the session waits, ready but for its start, until a client opens it, or the patience is over. */
import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { sessionOf } from "../platform/objects.ts";
import { call, create, ended, mint, problem, settled } from "../testing/call-api.ts";
import { readyNode } from "../testing/fake-agent.ts";
import { sleepNow } from "../testing/objects.ts";

afterEach(() => {
  vi.useRealTimers();
  return reset();
});

const WAITING = { status: "starting", reason: "waits for start", startedAt: null };

const start = (id: string, headers = {}) =>
  call<SessionView>("POST", `/v1/sessions/${id}/start`, undefined, headers);

async function now(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
}

/** Rings the session's alarm so many seconds from now. */
async function later(id: string, seconds: number): Promise<void> {
  vi.setSystemTime(Date.now() + seconds * 1000);
  await runDurableObjectAlarm(sessionOf(env, id));
}

async function atGate(request: object = {}) {
  const { link } = await readyNode();
  link.follow();
  const session = await create({ name: "train", gate: "manual", ...request }, "?wait=20");
  expect(session).toMatchObject(WAITING);
  return { link, id: session.id };
}

test("it waits with a reason, also in lists and events, and `wait` answers; nothing is told to run", async () => {
  const { link, id } = await atGate();
  expect(await settled(id)).toMatchObject(WAITING);
  expect((await now(id)).containers).toMatchObject([{ status: "started" }]);
  await expect
    .poll(async () => (await call<{ items: SessionView[] }>("GET", "/v1/sessions")).body.items[0])
    .toMatchObject(WAITING);
  expect(link.texts("assign").some((text) => text.includes('"phase":"running"'))).toBe(false);
});

test("start opens the gate: 202; once it runs that changes nothing, and after its end it is refused", async () => {
  const { link, id } = await atGate();
  const { status, body } = await start("train");
  expect(status).toBe(202);
  expect(body).toMatchObject({ status: "starting", reason: null, startedAt: expect.any(String) });
  await link.asked("running");
  await expect.poll(async () => (await now(id)).status).toBe("running");
  expect((await start(id)).body).toMatchObject({ status: "running", startedAt: body.startedAt });
  await call("DELETE", `/v1/sessions/${id}`);
  await ended(id);
  expect(problem(await start(id))).toEqual([409, "not_running", []]);
});

test("a start before its time is remembered, whatever the session does then", async () => {
  const waiting = await create({ gate: "manual" });
  expect((await start(waiting.id)).body).toMatchObject({ status: "pending" });
  await sleepNow(sessionOf(env, waiting.id));
  const { link } = await readyNode();
  link.follow();
  expect((await settled(waiting.id)).status).toBe("running");
});

test("the waiting survives the object", async () => {
  const { id } = await atGate();
  await sleepNow(sessionOf(env, id));
  expect(await now(id)).toMatchObject(WAITING);
  await start(id);
  expect((await settled(id)).status).toBe("running");
});

test("START_SECONDS does not count at the gate, and GATE_SECONDS ends the waiting", async () => {
  const { link, id } = await atGate({ retries: 3 });
  await later(id, SETTINGS.gateSeconds - 5);
  expect(await now(id)).toMatchObject(WAITING);
  await later(id, 6);
  vi.useRealTimers();
  await link.asked("removed");
  expect(await ended(id)).toMatchObject({
    status: "failed",
    epoch: 1,
    reason: `it waited ${SETTINGS.gateSeconds} s at its gate (GATE_SECONDS), and nobody started it: skein start, or POST /v1/sessions/{id}/start, opens the gate`,
  });
});

test("after the start its nodes have what was left of START_SECONDS", async () => {
  const { link } = await readyNode();
  link.follow((assign, usual) => (assign.phase === "running" ? undefined : usual));
  const { id } = await create({ gate: "manual" }, "?wait=20");
  await later(id, SETTINGS.gateSeconds - 60);
  await start(id);
  await later(id, SETTINGS.startSeconds - 5);
  expect((await now(id)).status).toBe("starting");
  await later(id, 6);
  vi.useRealTimers();
  expect((await ended(id)).reason).toContain(`within ${SETTINGS.startSeconds} s`);
});

test("what breaks at the gate fails the session, in spite of retries: files may have been put in", async () => {
  const { link, id } = await atGate({ retries: 3 });
  const started = await link.asked("started");
  const failure = { code: "start", message: "its container ended" };
  link.send({ ...done(started), failure });
  expect(await ended(id)).toMatchObject({ status: "failed", epoch: 1 });
});

test("a viewer may not start, another project finds nothing, and the audit log has who did", async () => {
  const { id } = await atGate();
  const [viewer, other, user] = await Promise.all([mint("viewer"), mint("admin", "other"), mint("user")]);
  expect(problem(await start(id, viewer.headers))).toEqual([403, "forbidden", []]);
  expect(problem(await start(id, other.headers))).toEqual([404, "not_found", []]);
  expect((await start(id, user.headers)).status).toBe(202);
  const { body } = await call<{ items: { actor: string; action: string; target: string }[] }>(
    "GET",
    "/v1/audit",
  );
  expect(body.items.filter(({ action }) => action === "startSession")).toMatchObject([
    { actor: user.id, target: id, status: 202 },
    { actor: other.id, target: id, status: 404 },
    { actor: viewer.id, target: id, status: 403 },
  ]);
});
