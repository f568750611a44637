/** From request to end, with agents that obey. */
import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { Report, Welcome } from "../../shared/protocol/protocol.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done, identityOf, keysOf } from "../../shared/testing/reports.ts";
import { fleetOf, linkOf, sessionOf } from "../platform/objects.ts";
import { call, create, ended, settled } from "../testing/call-api.ts";
import { dial } from "../testing/connection.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";
import { sleepNow } from "../testing/objects.ts";

afterEach(() => reset());

async function allocated(): Promise<NodeView["allocated"][]> {
  return (await call<{ items: NodeView[] }>("GET", "/v1/nodes")).body.items.map((node) => node.allocated);
}

async function end(id: string): Promise<SessionView> {
  expect((await call("DELETE", `/v1/sessions/${id}`)).status).toBe(202);
  return ended(id);
}

/** A report in which a host has ended. */
function exiting(host: string, exitCode: number): (report: Report) => Report {
  return (report) => ({
    ...report,
    containers: report.containers.map((each) =>
      each.host === host ? { ...each, status: "exited", exitCode, output: `bye from ${host}` } : each,
    ),
  });
}

describe("the way up", () => {
  test("the Session asks all nodes for a phase once all have reached the one before", async () => {
    const [a, b] = [await readyNode(nodeFacts(8, "192.0.2.1")), await readyNode(nodeFacts(8, "192.0.2.2"))];
    const { id } = await create({ clusterMode: "multi-node", clusterSize: 4 });
    const [preparedA, preparedB] = await Promise.all([a.link.asked("prepared"), b.link.asked("prepared")]);
    expect(preparedA.keys).toBeUndefined();
    expect(preparedA.part!.containers).toHaveLength(2);

    a.link.send(done(preparedA));
    b.link.send(done(preparedB, { phase: "none", identities: undefined }));
    await expect
      .poll(async () => (await settledNow(id)).containers.map(({ status }) => status))
      .toContain("prepared");
    // Prepared, but without the keys that the others need.
    b.link.send(done(preparedB, { identities: undefined }));
    await expect
      .poll(async () => (await settledNow(id)).containers.map(({ status }) => status))
      .toEqual(Array(4).fill("prepared"));
    expect((await settledNow(id)).status).toBe("preparing");
    expect(a.link.unread).toEqual([]);

    b.link.send(done(preparedB));
    const [startedA, startedB] = await Promise.all([a.link.asked("started"), b.link.asked("started")]);
    expect(startedA.keys).toEqual(["main1", "sub1", "sub2", "sub3"].map(keysOf));
    expect(startedB.keys).toEqual(startedA.keys);
    expect((await settledNow(id)).status).toBe("starting");

    a.link.send(done(startedA));
    b.link.send(done(startedB));
    const [runningA, runningB] = await Promise.all([a.link.asked("running"), b.link.asked("running")]);
    a.link.send(done(runningA));
    await expect
      .poll(async () => (await settledNow(id)).containers.map(({ status }) => status))
      .toContain("running");
    expect((await settledNow(id)).status).toBe("starting");
    b.link.send(done(runningB));
    const session = await settled(id);
    expect(session).toMatchObject({ status: "running", epoch: 1, reason: null, clusterSize: 4 });
    expect(session.startedAt).not.toBeNull();
    expect(session.containers.map(({ host, rank, containerId }) => [host, rank, containerId])).toEqual([
      ["main1", 0, "id-of-main1"],
      ["sub1", 1, "id-of-sub1"],
      ["sub2", 2, "id-of-sub2"],
      ["sub3", 3, "id-of-sub3"],
    ]);
    expect(session.containers.map(({ status }) => status)).toEqual(Array(4).fill("running"));
  });

  test("the new keys of a container that was recreated before all were prepared replace the old ones", async () => {
    const [a, b] = [await readyNode(nodeFacts(8, "192.0.2.1")), await readyNode(nodeFacts(8, "192.0.2.2"))];
    const { id } = await create({ clusterMode: "multi-node", clusterSize: 2 });
    const [preparedA, preparedB] = await Promise.all([a.link.asked("prepared"), b.link.asked("prepared")]);
    const recreated = { ...identityOf("main1"), hostKey: identityOf("other").hostKey };
    a.link.send(done(preparedA));
    a.link.send(done(preparedA, { identities: [recreated] }));
    const last = { host: "main1", status: "prepared", reason: "the last word" } as const;
    a.link.send(done(preparedA, { containers: [last], identities: undefined }));
    await expect.poll(async () => (await settledNow(id)).containers[0]!.reason).toBe(last.reason);
    b.link.send(done(preparedB));
    const [user, , userKey] = keysOf("main1");
    expect((await b.link.asked("started")).keys).toEqual([
      [user, recreated.hostKey, userKey],
      keysOf("sub1"),
    ]);
  });

  test("create waits on request, and the reservation is free when the session has ended", async () => {
    const { link } = await readyNode();
    link.follow();
    const session = await create(
      { clusterSize: 2, name: "train", resources: { cpu: 1.5, memory: "1GiB" } },
      "?wait=20",
    );
    expect(session.status).toBe("running");
    expect(await allocated()).toEqual([{ cpu: 3, memory: 2 ** 31, gpu: 0 }]);

    const over = await end("train");
    expect(over).toMatchObject({ status: "terminated", reason: "ended by request" });
    expect(over.endedAt).not.toBeNull();
    expect(over.containers.map(({ status }) => status)).toEqual(["removed", "removed"]);
    expect(await allocated()).toEqual([{ cpu: 0, memory: 0, gpu: 0 }]);
    // Name, subnet and room are free at once.
    const again = await create({ clusterSize: 2, name: "train" }, "?wait=20");
    expect(again.network!.subnet).toBe(session.network!.subnet);
    expect((await call<SessionView>("GET", "/v1/sessions/train")).body.id).toBe(again.id);
  });

  test("two sessions share a node and nothing else", async () => {
    const { link } = await readyNode();
    link.follow();
    const [one, two] = [await create({}, "?wait=20"), await create({}, "?wait=20")];
    expect([one.status, two.status]).toEqual(["running", "running"]);
    expect(one.network!.subnet).not.toBe(two.network!.subnet);
    await end(one.id);
    expect((await settled(two.id)).status).toBe("running");
  });

  test("a session goes on after every object was put to sleep", async () => {
    const { agent, link } = await readyNode();
    const { id } = await create();
    const objects = [fleetOf(env), sessionOf(env, id), linkOf(env, agent.id)];
    for (const phase of ["prepared", "started", "running"] as const) {
      const assign = await link.asked(phase);
      for (const object of objects) await sleepNow(object);
      link.send(done(assign));
    }
    expect((await settled(id)).status).toBe("running");
    for (const object of objects) await sleepNow(object);
    link.follow();
    expect((await end(id)).status).toBe("terminated");
  });

  test("a node that was disconnected gets its phase when it connects again", async () => {
    const { agent, link } = await readyNode();
    const { id } = await create();
    const prepared = await link.asked("prepared");
    link.close();
    const second = await agent.connect();
    const welcome = await second.next<Welcome>("welcome");
    expect(welcome.assignments).toEqual([prepared]);
    second.follow();
    second.send(done(prepared));
    expect((await settled(id)).status).toBe("running");
  });
});

describe("what changes nothing", () => {
  test("a report of another epoch, of hosts on other nodes, or of a container that goes back", async () => {
    const [a, b] = [await readyNode(nodeFacts(8, "192.0.2.1")), await readyNode(nodeFacts(8, "192.0.2.2"))];
    const { id } = await create({ clusterMode: "multi-node", clusterSize: 2 });
    const [forA, forB] = await Promise.all([a.link.asked("prepared"), b.link.asked("prepared")]);
    a.link.send(done(forA, { epoch: 2, failure: { code: "internal", message: "of another epoch" } }));
    a.link.send(done({ ...forB, phase: "running" }, { identities: [identityOf("sub1")], phase: "none" }));
    a.link.send(done(forA));
    await expect
      .poll(async () => (await settledNow(id)).containers.map(({ status }) => status))
      .toEqual(["prepared", "pending"]);
    a.link.send(
      done(forA, { phase: "none", containers: [{ host: "main1", status: "pulling", reason: "40%" }] }),
    );
    b.link.send(
      done(forB, { phase: "none", containers: [{ host: "sub1", status: "pulling", reason: "40%" }] }),
    );
    await expect.poll(async () => (await settledNow(id)).containers[1]!.reason).toBe("40%");
    expect((await settledNow(id)).containers.map(({ status }) => status)).toEqual(["prepared", "pulling"]);
    expect((await settledNow(id)).status).toBe("preparing");
  });

  test("a report on a connection without a proven key", async () => {
    const { agent, link } = await readyNode();
    const { id } = await create();
    const stranger = await dial(agent.id);
    stranger.send(done(await link.asked("prepared")));
    expect((await stranger.closed).code).toBe(4000);
    expect((await settledNow(id)).status).toBe("preparing");
  });
});

describe("how a session ends", () => {
  const cases: [string, string, number, string, RegExp][] = [
    ["main1 ends with 0", "main1", 0, "terminated", /^main1 on .* ended with exit code 0$/],
    ["main1 ends with 3", "main1", 3, "failed", /^main1 on .* ended with exit code 3: see its output$/],
    ["another ends with 137", "sub1", 137, "failed", /^sub1 on .* ended with exit code 137/],
  ];
  test.each(cases)("%s", async (_what, host, exitCode, status, reason) => {
    const { link } = await readyNode();
    link.follow(
      (assign, usual) => (assign.phase === "running" ? exiting(host, exitCode)(usual) : undefined) ?? usual,
    );
    const { id } = await create({ clusterSize: 2 });
    const removed = await link.asked("removed");
    expect(removed.force).toBe(status === "failed");
    const session = await ended(id);
    expect(session).toMatchObject({ status, reason: expect.stringMatching(reason) });
    expect(session.containers.find((each) => each.host === host)).toMatchObject({
      status: "removed",
      exitCode,
      output: `bye from ${host}`,
    });
  });

  test("another container ends with 0: it is exited, and the session goes on", async () => {
    const { link } = await readyNode();
    link.follow((assign, usual) => (assign.phase === "running" ? exiting("sub1", 0)(usual) : usual));
    const { id } = await create({ clusterSize: 2 });
    await expect
      .poll(async () => (await settled(id)).containers.map(({ status }) => status))
      .toEqual(["running", "exited"]);
    expect((await settled(id)).status).toBe("running");
  });

  test.each(["main1", "sub1"])(
    'with onExit "ignore" %s ends with 3: it is exited, and the session goes on',
    async (host) => {
      const { link } = await readyNode();
      link.follow((assign, usual) => (assign.phase === "running" ? exiting(host, 3)(usual) : usual));
      const { id } = await create({ clusterSize: 2, onExit: "ignore" });
      const other = host === "main1" ? "sub1" : "main1";
      const statuses = async () =>
        Object.fromEntries((await settled(id)).containers.map((each) => [each.host, each.status]));
      await expect.poll(statuses).toEqual({ [host]: "exited", [other]: "running" });
      expect((await settled(id)).status).toBe("running");
      expect((await settled(id)).containers.find((each) => each.host === host)).toMatchObject({
        exitCode: 3,
        output: `bye from ${host}`,
      });
      expect((await end(id)).status).toBe("terminated");
    },
  );

  test.each(["main1", "sub1"])(
    'with onExit "restart" the session runs while %s waits for its restart, and fails once it has exited',
    async (host) => {
      const { link } = await readyNode();
      let running: Report | undefined;
      const awaited = {
        exitCode: 3,
        output: "bye",
        reason: "restart 1 of 1 in 1 s; it ended with exit code 3",
      };
      const about = (change: object): Report => ({
        ...running!,
        containers: running!.containers.map((each) => (each.host === host ? { ...each, ...change } : each)),
      });
      link.follow((assign, usual) => {
        if (assign.phase === "running") running = usual;
        return usual;
      });
      const { id } = await create({ clusterSize: 2, onExit: "restart", maxRestarts: 1 }, "?wait=20");
      const seen = async () => (await settled(id)).containers.find((each) => each.host === host);
      link.send(about(awaited));
      await expect.poll(seen).toMatchObject({ status: "running", ...awaited });
      const again = "restart 1 of 1; before, it ended with exit code 3";
      link.send(about({ reason: again }));
      await expect.poll(seen).toMatchObject({ status: "running", exitCode: 3, reason: again });
      expect((await settled(id)).status).toBe("running");

      link.send(about({ status: "exited", exitCode: 4, reason: "its restart is used up" }));
      expect(await ended((await link.asked("removed", id)).session)).toMatchObject({
        status: "failed",
        reason: expect.stringMatching(
          new RegExp(`^${host} on .* ended with exit code 4 \\(its restart is used up\\): see its output$`),
        ),
      });
    },
  );

  test.each([
    ["main1", "terminated"],
    ["sub1", "running"],
  ])('with onExit "restart" %s ends with 0: the session is %s', async (host, status) => {
    const { link } = await readyNode();
    link.follow((assign, usual) => (assign.phase === "running" ? exiting(host, 0)(usual) : usual));
    const { id } = await create({ clusterSize: 2, onExit: "restart" });
    if (host === "main1") await link.asked("removed", id);
    else await expect.poll(async () => (await settled(id)).containers[1]!.status).toBe("exited");
    expect((await settled(id)).status).toBe(status);
  });

  test("onExit belongs to a role: an end that one role ignores fails the session in another", async () => {
    const { link } = await readyNode();
    let ends = "aside1";
    link.follow((assign, usual) => (assign.phase === "running" ? exiting(ends, 3)(usual) : usual));
    const roles = [
      { name: "main", replicas: 1 },
      { name: "sub", replicas: 1, onExit: "fail" },
      { name: "aside", replicas: 1, onExit: "ignore" },
    ];
    const kept = await create({ roles });
    await expect.poll(async () => (await settled(kept.id)).containers[2]!.status).toBe("exited");
    expect((await settled(kept.id)).status).toBe("running");
    ends = "sub1";
    const failed = await create({ roles });
    await link.asked("removed", failed.id);
    expect(await ended(failed.id)).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(/^sub1 on .* ended with exit code 3/),
    });
  });

  test('onExit "ignore" covers no end before the session runs, and no container that is gone', async () => {
    const { link } = await readyNode();
    link.follow((assign, usual) => (assign.phase === "started" ? exiting("sub1", 0)(usual) : usual));
    const early = await create({ clusterSize: 2, onExit: "ignore" });
    expect((await ended(early.id)).reason).toMatch(
      /^sub1 on .* ended with exit code 0 before the session ran/,
    );
    link.follow((assign, usual) =>
      assign.phase === "running" ? { ...usual, containers: [{ host: "sub1", status: "lost" }] } : usual,
    );
    const gone = await create({ clusterSize: 2, onExit: "ignore" });
    await link.asked("removed", gone.id);
    expect((await ended(gone.id)).reason).toMatch(/^sub1 on .*: the container is gone/);
  });

  test("when a node cannot do its part, all are removed by force; the reason says which, where, why and what to do", async () => {
    const [a, b] = [await readyNode(nodeFacts(8, "192.0.2.1")), await readyNode(nodeFacts(8, "192.0.2.2"))];
    a.link.follow();
    b.link.follow((assign, usual) =>
      assign.phase === "prepared"
        ? { ...usual, phase: "none", failure: { code: "image", host: "sub1", message: "no such image" } }
        : usual,
    );
    const { id } = await create({ clusterMode: "multi-node", clusterSize: 2 });
    expect((await a.link.asked("removed")).force).toBe(true);
    const session = await ended(id);
    expect(session.status).toBe("failed");
    expect(session.reason).toMatch(new RegExp(`^sub1 on ${b.agent.name}: no such image; check the image`));
    expect(await allocated()).toEqual(Array(2).fill({ cpu: 0, memory: 0, gpu: 0 }));
  });

  test("when a container is gone, the session fails", async () => {
    const { link } = await readyNode();
    link.follow((assign, usual) =>
      assign.phase === "running" ? { ...usual, containers: [{ host: "main1", status: "lost" }] } : usual,
    );
    const { id } = await create();
    expect(await ended((await link.asked("removed")).session)).toMatchObject({ id, status: "failed" });
  });

  test.each(["pending", "prepared", "started"] as const)("by request, when it is %s", async (phase) => {
    if (phase === "pending") {
      const { id } = await create();
      expect(await end(id)).toMatchObject({ status: "terminated", containers: [{ status: "removed" }] });
      return;
    }
    const { link } = await readyNode();
    link.follow((assign, usual) => (assign.phase === phase ? undefined : usual));
    const { id } = await create();
    await link.asked(phase);
    expect((await end(id)).status).toBe("terminated");
    expect(await end(id)).toMatchObject({ status: "terminated", reason: "ended by request" });
  });

  test("is shown only after every connected node has removed its part", async () => {
    const { link } = await readyNode();
    link.follow((assign, usual) => (assign.phase === "removed" ? undefined : usual));
    const { id } = await create({}, "?wait=20");
    await call("DELETE", `/v1/sessions/${id}`);
    const removed = await link.asked("removed");
    expect(removed.force).toBe(false);
    await runDurableObjectAlarm(sessionOf(env, id));
    expect((await settledNow(id)).status).toBe("terminating");
    link.send(done(removed));
    expect((await ended(id)).status).toBe("terminated");
  });
});

async function settledNow(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
}
