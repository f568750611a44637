/** Room: what sessions wait for, which one runs when room appears, and what is reserved meanwhile. */
import { reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { PlanView } from "../../shared/plan/plan-schema.ts";
import { ROUND_DEPTH } from "../../shared/queue/queue.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { fleetOf } from "../platform/objects.ts";
import { call, create, ended, problem, settled } from "../testing/call-api.ts";
import { dial } from "../testing/connection.ts";
import { FakeAgent, nodeFacts, readyNode } from "../testing/fake-agent.ts";

afterEach(() => reset());

async function now(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
}

describe("without room", () => {
  test("a session waits, shows the reason, and runs as soon as another has ended", async () => {
    const { link } = await readyNode(nodeFacts(4));
    link.follow();
    const holder = await create({ resources: { cpu: 3 } }, "?wait=20");
    const waiting = await create({ resources: { cpu: 2 } });
    expect(waiting).toMatchObject({ status: "pending", epoch: 0, network: null, startedAt: null });
    expect(waiting.reason).toMatch(/core/);
    expect(waiting.containers[0]).toMatchObject({
      status: "pending",
      nodeId: null,
      node: null,
      address: null,
    });
    await call("DELETE", `/v1/sessions/${holder.id}`);
    expect(await settled(waiting.id)).toMatchObject({ status: "running", epoch: 1, reason: null });
  });

  test("a later session that fits overtakes an earlier one that does not", async () => {
    const { link } = await readyNode(nodeFacts(4));
    link.follow();
    const large = await create({ resources: { cpu: 400 } });
    expect(large.reason).toMatch(/whole fleet|never/i);
    expect((await create({ resources: { cpu: 1 } }, "?wait=20")).status).toBe("running");
    expect((await now(large.id)).status).toBe("pending");
  });

  test("sessions run in the order of their arrival", async () => {
    const { link } = await readyNode(nodeFacts(4));
    link.follow();
    const holder = await create({ resources: { cpu: 4 } }, "?wait=20");
    const first = await create({ resources: { cpu: 4 } });
    const second = await create({ resources: { cpu: 4 } });
    await call("DELETE", `/v1/sessions/${holder.id}`);
    expect((await settled(first.id)).status).toBe("running");
    expect((await now(second.id)).status).toBe("pending");
    await call("DELETE", `/v1/sessions/${first.id}`);
    expect((await settled(second.id)).status).toBe("running");
  });

  test("a fleet without nodes: the session runs when a node connects, not already when it joins", async () => {
    const { id } = await create();
    const agent = await FakeAgent.join();
    expect((await now(id)).status).toBe("pending");
    (await agent.connect()).follow();
    expect((await settled(id)).status).toBe("running");
  });

  test("facts that change, and a node that is uncordoned, make room", async () => {
    const { agent, link } = await readyNode(nodeFacts(1));
    link.follow();
    const { id } = await create({ resources: { cpu: 2 } });
    await call("PATCH", `/v1/nodes/${agent.name}`, { schedulable: false });
    link.send({ type: "facts", capacity: { cpu: 8, memory: 2 ** 40, gpu: 0 }, facts: agent.node.facts });
    await expect.poll(async () => (await now(id)).reason).toMatch(/cordoned/);
    const { body } = await call<NodeView>("PATCH", `/v1/nodes/${agent.name}`, { schedulable: true });
    expect(body).toMatchObject({ schedulable: true, status: "ready" });
    expect((await settled(id)).status).toBe("running");
  });

  test("labels place, and can be changed", async () => {
    const { agent, link } = await readyNode();
    link.follow();
    const { id } = await create({ placement: { labels: { zone: "b" } } });
    expect((await now(id)).reason).toMatch(/zone/);
    await call("PATCH", `/v1/nodes/${agent.id}`, { labels: { zone: "b" } });
    expect((await settled(id)).status).toBe("running");
  });
});

describe("the queue", () => {
  const cores = (cpu: number) => ({ resources: { cpu } });
  const end = (id: string) => call("DELETE", `/v1/sessions/${id}`);

  /** All waiting sessions have waited for longer than their patience. (Changing the clock instead would make every link silent.) */
  async function pastPatience(): Promise<void> {
    await runInDurableObject(fleetOf(env), (_, { storage }) =>
      storage.sql.exec(
        "UPDATE sessions SET waits_since = waits_since - ?",
        (SETTINGS.queuePatienceSeconds + 1) * 1000,
      ),
    );
  }

  async function fourCores() {
    const ready = await readyNode(nodeFacts(4));
    ready.link.follow();
    return ready;
  }

  test("small sessions overtake a large one that cannot fit, until its patience is over; then the queue keeps room for it", async () => {
    await fourCores();
    const holders = [await create(cores(2), "?wait=20"), await create(cores(1), "?wait=20")];
    const large = await create(cores(3));
    expect(large.reason).toBe("needs 3 cores in all; the usable nodes have 1 free; 1st in the queue");
    const early = await create(cores(1), "?wait=20");
    expect(early.status).toBe("running");
    await pastPatience();
    await end(early.id);
    await ended(early.id);
    // One core is free, as it was for the one before.
    const late = await create(cores(1));
    expect(late).toMatchObject({ status: "pending", epoch: 0, network: null });
    expect(late.reason).toBe("sessions before it are served first; 2nd in the queue");
    await end(holders[0]!.id);
    expect((await settled(large.id)).status).toBe("running");
    await expect
      .poll(async () => (await now(late.id)).reason)
      .toBe("needs 1 core in all; the usable nodes have 0 free; 1st in the queue");
    await end(holders[1]!.id);
    expect((await settled(late.id)).status).toBe("running");
  });

  test("is served by priority, then by arrival; a session shows its place, and so does the list", async () => {
    await fourCores();
    const holder = await create(cores(4), "?wait=20");
    const named = (name: string, priority?: number) => create({ name, ...cores(4), priority });
    for (const [name, priority] of [["first", 5], ["low", 0], ["second"], ["high", 9]] as const) {
      await named(name, priority);
    }
    const places = async () => {
      const { items } = (await call<{ items: SessionView[] }>("GET", "/v1/sessions?status=pending")).body;
      for (const each of items) expect((await now(each.id)).reason).toBe(each.reason);
      const place = ({ reason }: SessionView) => /; (\d+)[a-z]{2} in the queue$/.exec(reason!)?.[1];
      return items.map((each) => [place(each), each.name]).sort();
    };
    expect(await places()).toEqual([
      ["1", "high"],
      ["2", "first"],
      ["3", "second"],
      ["4", "low"],
    ]);
    await end("first");
    await ended("first");
    expect(await places()).toEqual([
      ["1", "high"],
      ["2", "second"],
      ["3", "low"],
    ]);
    const begun: string[] = [];
    for (let last = holder.id; begun.length < 3; last = begun.at(-1)!) {
      await end(last);
      await expect
        .poll(
          async () => (await call<{ items: SessionView[] }>("GET", "/v1/sessions?status=running")).body.items,
        )
        .toHaveLength(1);
      const { items } = (await call<{ items: SessionView[] }>("GET", "/v1/sessions?status=running")).body;
      begun.push(items[0]!.name);
    }
    expect(begun).toEqual(["high", "second", "low"]);
  });

  test("is not held up by sessions that wait for something other than room, however long", async () => {
    await fourCores();
    const cordoned = await readyNode(nodeFacts(64, "192.0.2.2"));
    await call("PATCH", `/v1/nodes/${cordoned.agent.id}`, { schedulable: false });
    const ofOneCore = (clusterSize: number) =>
      create({ ...cores(1), clusterMode: "multi-node", clusterSize });
    const never = await ofOneCore(400);
    const uncordon = await ofOneCore(40);
    const labelled = await create({ placement: { labels: { zone: "b" } } });
    await pastPatience();
    expect((await create(cores(4), "?wait=20")).status).toBe("running");
    expect((await now(never.id)).reason).toMatch(/the whole fleet has 68; 1st in the queue$/);
    expect((await now(uncordon.id)).reason).toMatch(/; 2nd in the queue$/);
    expect((await now(labelled.id)).reason).toBe("the fleet has no node with zone=b; 3rd in the queue");
    cordoned.link.follow();
    await call("PATCH", `/v1/nodes/${cordoned.agent.id}`, { schedulable: true });
    expect((await settled(uncordon.id)).status).toBe("running");
  });

  test("is not held up by a node that left, once Fleet knows it", async () => {
    await fourCores();
    const large = await readyNode(nodeFacts(8, "192.0.2.2"));
    large.link.follow();
    const holder = await create(cores(8), "?wait=20");
    const next = await create({ ...cores(2), clusterMode: "multi-node", clusterSize: 3 });
    await pastPatience();
    const small = await create(cores(1));
    expect([next.status, small.status]).toEqual(["pending", "pending"]);
    large.link.close();
    expect((await settled(small.id)).status).toBe("running");
    expect((await now(holder.id)).status).toBe("running");
  });

  test("keeps room from sessions of equal priority and those behind, not from higher ones", async () => {
    await fourCores();
    await create(cores(2), "?wait=20");
    await readyNode(nodeFacts(0.5, "192.0.2.2"));
    await create(cores(3));
    await pastPatience();
    expect((await create(cores(1))).reason).toBe(
      "there is room, but it is kept for a session that has waited longer; 2nd in the queue",
    );
    expect((await create({ ...cores(1), priority: 9 }, "?wait=20")).status).toBe("running");
  });

  test("puts a session that is re-planned at the place of its arrival", async () => {
    const { link } = await readyNode(nodeFacts(4));
    const first = await create({ ...cores(4), retries: 1 });
    const second = await create(cores(4));
    link.follow((assign, usual) =>
      assign.session === first.id && assign.epoch === 1 && assign.phase === "prepared"
        ? { ...usual, phase: "none", failure: { code: "create", message: "no space left" } }
        : usual,
    );
    await expect.poll(() => now(first.id)).toMatchObject({ status: "running", epoch: 2 });
    expect(await now(second.id)).toMatchObject({ status: "pending", epoch: 0 });
  });

  test("is evaluated in parts, to its end", async () => {
    const hopeless = Array.from({ length: ROUND_DEPTH + 1 }, (_, i) => create(cores(100 + i)));
    await Promise.all(hopeless);
    const small = await create(cores(1));
    // No alarm is left that would run the queue anyway.
    while (await runDurableObjectAlarm(fleetOf(env)));
    await fourCores();
    expect((await settled(small.id)).status).toBe("running");
    expect((await now((await hopeless[0]!).id)).reason).toMatch(
      /the whole fleet has 4; \d+[a-z]{2} in the queue$/,
    );
  }, 30_000);
});

describe("a dry run", () => {
  test("shows what a session would get, and changes nothing", async () => {
    const { link } = await readyNode();
    link.follow();
    const body = { image: "debian:12", clusterSize: 3, env: { A: "b" } };
    const plan = (await call<PlanView>("POST", "/v1/plans", body)).body;
    expect(plan.containers[1]!.env).toMatchObject({ A: "b", BACKENDAI_CLUSTER_HOST: "sub1" });
    expect((await call("POST", "/v1/plans", body)).body).toEqual(plan);
    const session = await create(body, "?wait=20");
    expect(session.network).toEqual(plan.network);
    const place = ({ containers }: PlanView | SessionView) =>
      containers.map(({ node, address }) => [node, address]);
    expect(place(session)).toEqual(place(plan));
  });

  test("that does not fit says why, node by node", async () => {
    const { agent } = await readyNode(nodeFacts(1));
    const answer = await call<{ nodes: object[] }>("POST", "/v1/plans", {
      image: "a",
      resources: { cpu: 2 },
    });
    expect(problem(answer)).toEqual([409, "unschedulable", []]);
    expect(answer.body.nodes).toEqual([{ node: agent.name, reason: expect.stringMatching(/core/) }]);
  });
});

describe("forgetting a node", () => {
  test("that has no work closes its link, and it cannot connect again", async () => {
    const { agent, link } = await readyNode();
    expect((await call("DELETE", `/v1/nodes/${agent.name}`)).status).toBe(204);
    expect((await link.closed).code).toBe(4004);
    expect((await (await dial(agent.id)).closed).code).toBe(4004);
    expect(problem(await call("GET", `/v1/nodes/${agent.id}`))).toEqual([404, "not_found", []]);
    // Its name is free.
    expect((await FakeAgent.join(agent.node, agent.name)).name).toBe(agent.name);
  });

  test("that has work is refused; with force its sessions fail, and the other nodes remove their parts", async () => {
    const [a, b] = [await readyNode(nodeFacts(8, "192.0.2.1")), await readyNode(nodeFacts(8, "192.0.2.2"))];
    a.link.follow();
    b.link.follow();
    const { id } = await create({ clusterMode: "multi-node", clusterSize: 2 }, "?wait=20");
    expect(problem(await call("DELETE", `/v1/nodes/${a.agent.id}`))).toEqual([409, "node_busy", []]);
    expect((await call("DELETE", `/v1/nodes/${a.agent.id}?force=true`)).status).toBe(204);
    await b.link.asked("removed");
    expect(await ended(id)).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(new RegExp(`node ${a.agent.name} was removed from the fleet by force`)),
    });
    expect((await call<NodeView>("GET", `/v1/nodes/${b.agent.id}`)).body.allocated.cpu).toBe(0);
    expect((await create({ name: "next" }, "?wait=20")).status).toBe("running");
  });
});
