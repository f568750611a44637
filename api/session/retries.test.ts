/** Between objects anything may fail once: what was not taken is told again by the alarm, and taken once. */
import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import type { Problem } from "../../shared/errors/errors.ts";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { Fleet, Node, Session } from "../index.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { call, create, ended, problem, settled } from "../testing/call-api.ts";
import { done, readyNode } from "../testing/fake-agent.ts";

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

/** The next call of that method is lost, as if the other object could not be reached. */
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

test("a session that Fleet admitted comes to be, also where its object was not there at first", async () => {
  const { link } = await readyNode();
  link.follow();
  const away = vi.spyOn(Session.prototype, "take").mockRejectedValue(new Error("lost on the way") as never);
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const key = { "idempotency-key": "again" };
  const first = await call<Problem>("POST", "/v1/sessions", { image: "a", name: "x" }, key);
  expect(problem(first)).toEqual([503, "unavailable", []]);
  expect(first.headers.get("retry-after")).toBe("5");
  away.mockRestore();
  error.mockRestore();
  await runDurableObjectAlarm(fleetOf(env));
  const second = await call<SessionView>("POST", "/v1/sessions?wait=20", { image: "a", name: "x" }, key);
  expect(second.body).toMatchObject({ status: "running", name: "x" });
  expect(first.body.detail).toContain(second.body.id);
  expect((await call<{ items: [] }>("GET", "/v1/sessions")).body.items).toHaveLength(1);
});

test("a node that could not be told is told by the alarm", async () => {
  const { link } = await readyNode();
  const lost = loseNext(Node.prototype, "assign");
  const { id } = await create();
  await vi.waitFor(lost);
  expect(link.unread).toEqual([]);
  await runDurableObjectAlarm(sessionOf(env, id));
  link.follow();
  expect((await settled(id)).status).toBe("running");
});

test("the end is not said before Fleet has taken it", async () => {
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

test("a report that a session could not take closes the link, so that it is told again", async () => {
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

test("a session that ended before it heard of its plan gives back what was reserved", async () => {
  const { id } = await create({ resources: { cpu: 1 } });
  const take = vi.spyOn(Session.prototype, "take").mockImplementation(() => {
    throw new Error("lost on the way");
  });
  const { agent } = await readyNode();
  const { body } = await call<NodeView>("GET", `/v1/nodes/${agent.name}`);
  expect(body.allocated.cpu).toBe(1);
  await call("DELETE", `/v1/sessions/${id}`);
  expect((await ended(id)).status).toBe("terminated");
  expect((await call<NodeView>("GET", `/v1/nodes/${agent.name}`)).body.allocated.cpu).toBe(0);
  take.mockRestore();
  await runDurableObjectAlarm(fleetOf(env));
  expect((await call<SessionView>("GET", `/v1/sessions/${id}`)).body.status).toBe("terminated");
});
