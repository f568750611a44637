/** A session's event stream: what it tells, and that a reader who comes back misses nothing and sees nothing twice. */
import { abortAllDurableObjects, reset } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { EventStreams } from "../events/event-streams.ts";
import { call, create, ended, problem } from "../testing/call-api.ts";
import { type Block, EventStream, short } from "../testing/event-stream.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

const pathOf = (id: string) => `/v1/sessions/${id}/events`;

async function runAndEnd(body: object = {}): Promise<SessionView> {
  const session = await create(body, "?wait=20");
  expect(session.status).toBe("running");
  await call("DELETE", `/v1/sessions/${session.id}`);
  return ended(session.id);
}

describe("the stream of a session", () => {
  test("tells its whole life in order, and ends with it", async () => {
    const { agent, link } = await readyNode();
    const { id, name, createdAt } = await create({ clusterSize: 2 });
    const stream = await EventStream.open(pathOf(id));
    expect(stream.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(stream.response.headers.get("cache-control")).toBe("no-store");
    const first = await stream.next();
    expect(first).toMatchObject({ id: 1, event: "session" });
    expect(first!.data).toEqual({
      time: createdAt,
      sessionId: id,
      name,
      status: "pending",
      reason: null,
      epoch: 0,
    });
    link.follow();
    await stream.until(({ data }) => data.status === "running" && data.name !== undefined);
    await call("DELETE", `/v1/sessions/${id}`);
    const all = await EventStream.open(pathOf(id));
    expect((await all.rest()).map(short)).toEqual([
      "1 session pending",
      "2 session preparing",
      "3 container main1 pending",
      "4 container sub1 pending",
      "5 container main1 prepared",
      "6 container sub1 prepared",
      "7 session starting",
      "8 container main1 started",
      "9 container sub1 started",
      "10 container main1 running",
      "11 container sub1 running",
      "12 session running",
      "13 session terminating",
      "14 container main1 removed",
      "15 container sub1 removed",
      "16 session terminated",
    ]);
    expect((await stream.rest()).map(short)).toContain("16 session terminated");
    const [placed] = await (await EventStream.open(pathOf(id), { after: 2 })).until(() => true);
    expect(placed!.data).toEqual({
      time: expect.any(String),
      sessionId: id,
      host: "main1",
      node: agent.name,
      status: "pending",
      reason: null,
      exitCode: null,
    });
  });

  test("goes on after any of its events, also when every object crashed in between", async () => {
    const { agent, link: first } = await readyNode();
    const { id } = await create({ clusterSize: 2 });
    const seen: string[] = [];
    let after = 0;
    let link = first;
    for (const phase of ["prepared", "started", "running"] as const) {
      const stream = await EventStream.open(pathOf(id), { after });
      link.send(done(await link.asked(phase)));
      const blocks = await stream.until(({ data }) => data.host === "sub1" && data.status === phase);
      after = blocks.findLast((block) => block.id !== undefined)!.id!;
      seen.push(...blocks.map(short));
      await abortAllDurableObjects();
      await expect(stream.rest()).rejects.toThrow();
      link = (await agent.welcomed()).link;
    }
    link.follow();
    await call("DELETE", `/v1/sessions/${id}`);
    seen.push(...(await (await EventStream.open(pathOf(id), { after })).rest()).map(short));
    const all = (await (await EventStream.open(pathOf(id))).rest()).map(short);
    expect(seen).toEqual(all);
    expect(all.at(-1)).toMatch(/^\d+ session terminated$/);
  });

  test("of an ended session is its events, and nothing after the last", async () => {
    const { link } = await readyNode();
    link.follow();
    const { id } = await runAndEnd();
    const blocks = await (await EventStream.open(pathOf(id))).rest();
    const last = blocks.at(-1)!.id!;
    expect((await EventStream.open(pathOf(id), { after: last })).response.status).toBe(204);
    expect(
      (await (await EventStream.open(pathOf(id), { after: last - 1 })).rest()).map(({ id: of }) => of),
    ).toEqual([last]);
  });

  test.each(["999999", "no-number", "-1", "", "1e3", "99999999999999999999"])(
    "begins with the oldest after the unknown id %j",
    async (after) => {
      const { id } = await create();
      const stream = await EventStream.open(pathOf(id), { after });
      expect(short((await stream.next())!)).toBe("1 session pending");
      await stream.close();
    },
  );

  test("begins where `tail` says, with the id to come back with", async () => {
    const { link } = await readyNode();
    link.follow();
    const { id } = await create({}, "?wait=20");
    const all = await EventStream.open(pathOf(id));
    const last = (await all.until(({ data }) => data.status === "running" && data.name !== undefined)).at(-1)!
      .id!;
    const none = await EventStream.open(`${pathOf(id)}?tail=0`);
    expect(await none.next()).toMatchObject({ id: last, event: "" });
    const two = await EventStream.open(`${pathOf(id)}?tail=2`);
    expect((await two.until((block) => block.id === last)).map((block) => block.id)).toEqual([
      last - 2,
      last - 1,
      last,
    ]);
    await call("DELETE", `/v1/sessions/${id}`);
    expect((await none.rest())[0]!.id).toBe(last + 1);
  });

  test.each(["-1", "a", "1.5", "", "1000000"])("refuses the tail %j", async (tail) => {
    const { id } = await create();
    for (const path of [pathOf(id), "/v1/events"])
      expect(problem(await call("GET", `${path}?tail=${tail}`))).toEqual([400, "invalid_request", ["tail"]]);
  });

  test("answers HEAD as it would answer GET, and opens nothing", async () => {
    const { id } = await create();
    const open = vi.spyOn(EventStreams.prototype, "open");
    for (const path of [pathOf(id), "/v1/events"]) {
      const answer = await call("HEAD", path);
      expect([answer.status, answer.headers.get("content-type"), answer.body]).toEqual([
        200,
        "text/event-stream; charset=utf-8",
        "",
      ]);
    }
    expect((await call("HEAD", pathOf("nobody"))).status).toBe(404);
    expect(open).not.toHaveBeenCalled();
  });

  test("shows a failure's cause before its effect", async () => {
    const { agent, link } = await readyNode();
    const { id } = await create();
    link.follow((assign, usual) =>
      assign.phase === "running"
        ? {
            ...usual,
            containers: [{ host: "main1", status: "exited", exitCode: 3, reason: "out of memory" }],
          }
        : usual,
    );
    const blocks = await (await EventStream.open(pathOf(id))).rest();
    const at = blocks.findIndex(({ data }) => data.status === "exited");
    expect(blocks[at]!.data).toMatchObject({ host: "main1", exitCode: 3, reason: "out of memory" });
    expect(blocks[at + 1]!.data).toMatchObject({ status: "terminating", name: expect.any(String) });
    expect(blocks[at + 1]!.data.reason).toMatch(`main1 on ${agent.name} ended with exit code 3`);
    expect(blocks.at(-1)!.data.status).toBe("failed");
  });

  test("tells of another plan with its epoch, and of the new places", async () => {
    const [a, b] = [await readyNode(nodeFacts(1, "192.0.2.1")), await readyNode(nodeFacts(1, "192.0.2.2"))];
    for (const { link } of [a, b]) {
      link.follow((assign, usual) =>
        assign.phase === "prepared" && assign.epoch === 1
          ? { ...usual, phase: "none", failure: { code: "create", message: "no", host: "main1" } }
          : usual,
      );
    }
    const session = await create({ retries: 1 }, "?wait=20");
    expect(session).toMatchObject({ status: "running", epoch: 2 });
    await call("DELETE", `/v1/sessions/${session.id}`);
    const blocks = await (await EventStream.open(pathOf(session.id))).rest();
    const placed = blocks.filter(({ event, data }) => event === "container" && data.status === "pending");
    expect(new Set(placed.map(({ data }) => data.node))).toEqual(new Set([a.agent.name, b.agent.name]));
    expect(
      blocks
        .filter(({ event }) => event === "session")
        .map(({ data: { status, epoch } }) => `${status} ${epoch}`),
    ).toEqual([
      "pending 0",
      "preparing 1",
      "pending 1",
      "preparing 2",
      "starting 2",
      "running 2",
      "terminating 2",
      "terminated 2",
    ]);
  });

  test("tells the progress of a pull without an id, at most once a second for each container", async () => {
    const { link } = await readyNode();
    const { id } = await create();
    const stream = await EventStream.open(pathOf(id));
    const prepared = await link.asked("prepared");
    const pulling = (reason: string) =>
      link.send(
        done(prepared, {
          phase: "none",
          containers: [{ host: "main1", status: "pulling", reason }],
          identities: undefined,
        }),
      );
    pulling("pulling");
    await stream.until(({ data }) => data.status === "pulling");
    const began = Date.now();
    let percent = 0;
    const timer = setInterval(() => pulling(`pulling: ${++percent}%`), 20);
    const told: Block[] = [];
    while (told.length < 3) told.push(...(await stream.until(({ event }) => event === "progress")));
    clearInterval(timer);
    expect(Date.now() - began).toBeGreaterThanOrEqual(2000);
    expect(told.map(({ id: of, event }) => [of, event])).toEqual(Array(3).fill([undefined, "progress"]));
    expect(told[2]!.data).toMatchObject({
      sessionId: id,
      host: "main1",
      status: "pulling",
      reason: expect.stringMatching(/%$/),
    });
    link.send(done(prepared));
    await stream.until(({ event, data }) => event === "container" && data.status === "prepared");
    await stream.close();
    const later = await EventStream.open(pathOf(id));
    const stored = await later.until(({ data }) => data.status === "prepared");
    expect(stored.filter(({ data }) => data.status === "pulling").map(({ event }) => event)).toEqual([
      "container",
    ]);
    await later.close();
  });
});
