/** A session with a `maxDuration` fails once it has run for so long, also if the API was away meanwhile. */
import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { sessionOf } from "../platform/objects.ts";
import { call, create, ended, problem } from "../testing/call-api.ts";
import { readyNode } from "../testing/fake-agent.ts";
import { sleepNow } from "../testing/objects.ts";

afterEach(() => {
  vi.useRealTimers();
  return reset();
});

async function now(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
}

/** Rings the session's alarm so many seconds from now, by the clock that all objects see. */
async function ringAt(id: string, from: number, seconds: number): Promise<void> {
  vi.setSystemTime(from + seconds * 1000);
  await runDurableObjectAlarm(sessionOf(env, id));
}

async function runningFor(maxDuration: number) {
  const { link } = await readyNode();
  link.follow();
  const session = await create({ maxDuration }, "?wait=20");
  expect(session.status).toBe("running");
  return { link, id: session.id, from: Date.now() };
}

test("it runs until then, and then fails with a reason; its containers are killed at once", async () => {
  const { link, id, from } = await runningFor(600);
  await ringAt(id, from, 598);
  expect((await now(id)).status).toBe("running");
  await ringAt(id, from, 601);
  vi.useRealTimers();
  expect((await link.asked("removed")).force).toBe(true);
  expect(await ended(id)).toMatchObject({
    status: "failed",
    reason: "it has run for 600 s, its maxDuration; ask for more if its work takes longer",
  });
});

test("the limit survives the object, and the time counts on while the API is away", async () => {
  const { id, from } = await runningFor(600);
  await sleepNow(sessionOf(env, id));
  await ringAt(id, from, 602);
  vi.useRealTimers();
  expect((await ended(id)).status).toBe("failed");
});

test("after an API that was away, nodes first say which sessions ended in time; the others fail a minute later", async () => {
  const { link, id, from } = await runningFor(600);
  await ringAt(id, from, 900);
  expect((await now(id)).status).toBe("running");
  link.send(
    done(await link.asked("running"), { containers: [{ host: "main1", status: "exited", exitCode: 0 }] }),
  );
  vi.useRealTimers();
  await expect.poll(async () => (await now(id)).status).toBe("terminated");

  const other = await runningFor(600);
  await ringAt(other.id, other.from, 900);
  expect((await now(other.id)).status).toBe("running");
  await ringAt(other.id, other.from, 961);
  vi.useRealTimers();
  expect((await ended(other.id)).status).toBe("failed");
});

test("without it, time ends no session; a session that ended in time is left alone", async () => {
  const { link } = await readyNode();
  link.follow();
  const { id } = await create({}, "?wait=20");
  await ringAt(id, Date.now(), 10 * 366 * 86_400);
  vi.useRealTimers();
  expect((await now(id)).status).toBe("running");

  const limited = await create({ maxDuration: 60 }, "?wait=20");
  await call("DELETE", `/v1/sessions/${limited.id}`);
  expect((await ended(limited.id)).status).toBe("terminated");
  await ringAt(limited.id, Date.now(), 100);
  vi.useRealTimers();
  expect((await now(limited.id)).reason).toBe("ended by request");
});

test.each([0, -1, 1.5, "60", 366 * 86_400 + 1])("a limit of %j is refused", async (seconds) => {
  for (const field of ["maxDuration", "queueTimeout"]) {
    const answer = await call("POST", "/v1/sessions", { image: "debian:12", [field]: seconds });
    expect(problem(answer)).toEqual([400, "invalid_request", [field]]);
  }
});
