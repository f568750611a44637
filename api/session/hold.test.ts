/** `holdAtEnd`: the containers stay for a while after main1's command, so that its files can be read. */
import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { sessionOf } from "../platform/objects.ts";
import { call, create, ended } from "../testing/call-api.ts";
import { readyNode } from "../testing/fake-agent.ts";
import { sleepNow } from "../testing/objects.ts";

afterEach(() => {
  vi.useRealTimers();
  return reset();
});

async function now(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
}

async function later(id: string, seconds: number): Promise<void> {
  vi.setSystemTime(Date.now() + seconds * 1000);
  await runDurableObjectAlarm(sessionOf(env, id));
}

/** A session of two on one node, whose containers end as told. */
async function afterwards(ends: { host: string; exitCode: number }[]) {
  const { link } = await readyNode();
  link.follow();
  const session = await create({ clusterSize: 2, holdAtEnd: 600 }, "?wait=20");
  expect(session.status).toBe("running");
  const wanted = await link.asked("running");
  const containers = done(wanted).containers.map((each) => {
    const exit = ends.find(({ host }) => host === each.host);
    return exit ? { ...each, ...exit, status: "exited" } : each;
  });
  link.send({ ...done(wanted), containers });
  await expect.poll(async () => (await now(session.id)).status).not.toBe("running");
  return { link, id: session.id };
}

const removals = ({ texts }: { texts: (type: "assign") => string[] }) =>
  texts("assign").filter((text) => text.includes('"phase":"removed"')).length;

test.each([0, 3])("main1 ended with %i: nothing is removed, until the session is ended", async (exitCode) => {
  const { link, id } = await afterwards([{ host: "main1", exitCode }]);
  expect(await now(id)).toMatchObject({
    status: "terminating",
    reason: expect.stringContaining(`ended with exit code ${exitCode}`),
    containers: [{ status: "exited", exitCode }, { status: "running" }],
  });
  expect((await now(id)).reason).toContain("its containers stay for a while");
  await sleepNow(sessionOf(env, id));
  await later(id, 590);
  vi.useRealTimers();
  await link.ping();
  expect(removals({ texts: (type) => link.texts(type) })).toBe(0);
  await call("DELETE", `/v1/sessions/${id}`);
  expect((await link.asked("removed")).force).toBe(exitCode !== 0);
  const over = await ended(id);
  expect(over).toMatchObject({ status: exitCode === 0 ? "terminated" : "failed", exitCode });
  expect(over.reason).not.toContain("stay");
});

test("when the time is over the containers are removed", async () => {
  const { link, id } = await afterwards([{ host: "main1", exitCode: 0 }]);
  await later(id, 601);
  vi.useRealTimers();
  await link.asked("removed");
  expect(await ended(id)).toMatchObject({ status: "terminated", exitCode: 0 });
});

test("after an API that was away the time counts again", async () => {
  const { id } = await afterwards([{ host: "main1", exitCode: 0 }]);
  await later(id, 3600);
  expect((await now(id)).status).toBe("terminating");
  await later(id, 601);
  vi.useRealTimers();
  expect((await ended(id)).status).toBe("terminated");
});

test("a session that ends otherwise is not held", async () => {
  const { link, id } = await afterwards([{ host: "sub1", exitCode: 1 }]);
  await link.asked("removed");
  expect(await ended(id)).toMatchObject({ status: "failed", exitCode: null });
});
