/** Any call between objects may fail: the alarm sends again what was not taken, and it takes effect once. */
import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import type { Problem } from "../../shared/errors/errors.ts";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { Fleet, Link, Session } from "../index.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { call, create, ended, problem, settled } from "../testing/call-api.ts";
import { readyNode } from "../testing/fake-agent.ts";

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

/** The next call of that method fails, as if the other object could not be reached. */
function loseNext<T extends object, K extends keyof T & string>(of: T, method: K): () => void {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const spy = vi.spyOn(of as Record<string, () => unknown>, method).mockImplementationOnce(() => {
    throw new Error("lost on the way");
  });
  return () => {
    expect(spy).toHaveBeenCalled();
    error.mockRestore();
  };
}

test("a session that Fleet admitted is created, also if its object could not be reached at first", async () => {
  const { link } = await readyNode();
  link.follow();
  const away = vi
    .spyOn(Session.prototype, "receive")
    .mockRejectedValue(new Error("lost on the way") as never);
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const key = { "idempotency-key": "again" };
  const first = await call<Problem>("POST", "/v1/sessions", { image: "a", name: "x" }, key);
  expect(problem(first)).toEqual([503, "unavailable", []]);
  expect(first.headers.get("retry-after")).toBe("5");
  await vi.waitFor(() => expect(away).toHaveBeenCalledTimes(2));
  away.mockRestore();
  error.mockRestore();
  // It exists, as that answer said, but the API can neither show nor end it yet.
  for (const method of ["GET", "DELETE"]) {
    const answer = await call(method, "/v1/sessions/x");
    expect(problem(answer)).toEqual([503, "unavailable", []]);
    expect(answer.headers.get("retry-after")).toBe("5");
  }
  await runDurableObjectAlarm(fleetOf(env));
  const second = await call<SessionView>("POST", "/v1/sessions?wait=20", { image: "a", name: "x" }, key);
  expect(second.body).toMatchObject({ status: "running", name: "x" });
  expect(first.body.detail).toContain(second.body.id);
  expect((await call<{ items: [] }>("GET", "/v1/sessions")).body.items).toHaveLength(1);
});

test("the alarm sends to a node that could not be reached", async () => {
  const { link } = await readyNode();
  const lost = loseNext(Link.prototype, "assign");
  const { id } = await create();
  await vi.waitFor(lost);
  expect(link.unread).toEqual([]);
  await runDurableObjectAlarm(sessionOf(env, id));
  link.follow();
  expect((await settled(id)).status).toBe("running");
});

test("a session shows its end only after Fleet has taken it", async () => {
  const { agent, link } = await readyNode();
  link.follow();
  const { id } = await create({ name: "x", resources: { cpu: 1 } }, "?wait=20");
  const holding = vi
    .spyOn(Fleet.prototype, "sessionNews")
    .mockRejectedValue(new Error("lost on the way") as never);
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  await call("DELETE", `/v1/sessions/${id}`);
  await link.asked("removed");
  await vi.waitFor(() => expect(holding.mock.calls.length).toBeGreaterThan(0));
  expect((await call<SessionView>("GET", `/v1/sessions/${id}`)).body.status).toBe("terminating");
  holding.mockRestore();
  error.mockRestore();
  await runDurableObjectAlarm(sessionOf(env, id));
  expect((await ended(id)).status).toBe("terminated");
  expect((await call<NodeView>("GET", `/v1/nodes/${agent.name}`)).body.allocated.cpu).toBe(0);
});

test("a report that a session could not take closes the link, so that the agent sends it again", async () => {
  const { agent, link } = await readyNode();
  const { id } = await create();
  const assign = await link.asked("prepared");
  const lost = loseNext(Session.prototype, "report");
  link.follow();
  link.send(done(assign));
  expect((await link.closed).code).toBe(4011);
  lost();
  (await agent.connect()).follow();
  expect((await settled(id)).status).toBe("running");
});

test("a session that ended before its plan arrived gives back the reservation", async () => {
  const { id } = await create({ resources: { cpu: 1 } });
  vi.spyOn(console, "error").mockImplementation(() => {});
  const receive = vi
    .spyOn(Session.prototype, "receive")
    .mockRejectedValue(new Error("lost on the way") as never);
  const { agent } = await readyNode();
  const held = async () => (await call<NodeView>("GET", `/v1/nodes/${agent.name}`)).body.allocated.cpu;
  await expect.poll(held).toBe(1);
  await call("DELETE", `/v1/sessions/${id}`);
  expect((await ended(id)).status).toBe("terminated");
  expect(await held()).toBe(0);
  receive.mockRestore();
  await runDurableObjectAlarm(fleetOf(env));
  expect((await call<SessionView>("GET", `/v1/sessions/${id}`)).body.status).toBe("terminated");
});
