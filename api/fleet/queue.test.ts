/** Room: who waits for what, who runs when some appears, and what is reserved meanwhile. */
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, test } from "vitest";
import type { NodeView, PlanView, SessionView } from "../../shared/schemas.ts";
import { dial, FakeAgent, nodeFacts, readyNode } from "../testing/agent.ts";
import { call, create, ended, problem, settled } from "../testing/http.ts";

afterEach(() => reset());

async function now(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
}

describe("without room", () => {
  test("a session waits, says for what, and runs as soon as another has ended", async () => {
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

  test("a later one that fits passes an earlier one that does not", async () => {
    const { link } = await readyNode(nodeFacts(4));
    link.follow();
    const large = await create({ resources: { cpu: 400 } });
    expect(large.reason).toMatch(/whole fleet|never/i);
    expect((await create({ resources: { cpu: 1 } }, "?wait=20")).status).toBe("running");
    expect((await now(large.id)).status).toBe("pending");
  });

  test("the first that came is the first that is served", async () => {
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

  test("a fleet without nodes: runs when one connects, not already when it joins", async () => {
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

describe("a dry run", () => {
  test("says what a session then gets, and changes nothing", async () => {
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
  test("that is free: its link is closed, and it is not let in again", async () => {
    const { agent, link } = await readyNode();
    expect((await call("DELETE", `/v1/nodes/${agent.name}`)).status).toBe(204);
    expect((await link.closed).code).toBe(4004);
    expect((await (await dial(agent.id)).closed).code).toBe(4004);
    expect(problem(await call("GET", `/v1/nodes/${agent.id}`))).toEqual([404, "not_found", []]);
    // Its name is free.
    expect((await FakeAgent.join(agent.node, agent.name)).name).toBe(agent.name);
  });

  test("that has work is refused; by force its sessions fail, and the other nodes are cleaned", async () => {
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
