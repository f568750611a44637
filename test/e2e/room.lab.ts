/** Room: a session that does not fit waits, shows the reason, and runs as soon as room appears. */
import { describe, expect, test } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { end, ended, get, request, running, settled } from "./skein.ts";

async function post(body: object): Promise<SessionView> {
  const answer = await request<SessionView>("POST", "/v1/sessions", body);
  expect(answer.status).toBe(202);
  return answer.body;
}

async function nodes(): Promise<NodeView[]> {
  return (await request<{ items: NodeView[] }>("GET", "/v1/nodes")).body.items;
}

describe("a session that does not fit", () => {
  test("waits with the reason and runs as soon as room appears", async () => {
    const { cpu } = (await nodes())[0]!.capacity;
    const holder = await running({
      image: "skein/busybox:1",
      clusterMode: "multi-node",
      clusterSize: 3,
      resources: { cpu: cpu - 0.5 },
    });
    const waiting = await post({ image: "skein/busybox:1", resources: { cpu: 1 } });
    expect(waiting.status).toBe("pending");
    expect((await get(waiting.id)).reason).toMatch(/core|cpu/i);
    await end(holder);
    const now = await settled(waiting.id);
    expect(now.status).toBe("running");
    await end(now);
  });

  test("shows its place, and one with a higher priority goes before it", async () => {
    const { cpu } = (await nodes())[0]!.capacity;
    const all = { image: "skein/busybox:1", clusterMode: "multi-node", clusterSize: 3, resources: { cpu } };
    const holder = await running(all);
    const [low, high] = [await post({ ...all, priority: 1 }), await post({ ...all, priority: 8 })];
    expect(high.reason).toMatch(/core.*; 1st in the queue$/);
    expect((await get(low.id)).reason).toMatch(/core.*; 2nd in the queue$/);
    await end(holder);
    const first = await settled(high.id);
    expect([first.status, (await get(low.id)).status]).toEqual(["running", "pending"]);
    await end(low);
    await end(first);
  });

  test("fails when its queueTimeout is over, with what it waited for", async () => {
    const { id } = await post({ image: "skein/busybox:1", resources: { cpu: 10_000 }, queueTimeout: 1 });
    const session = await ended(id);
    expect(session.status).toBe("failed");
    expect(session.reason).toMatch(
      /^it waited 1 s, its queueTimeout, and could not begin: .*1st in the queue$/,
    );
  });

  test("larger than the whole fleet: stays pending, and the reason says so", async () => {
    const { id } = await post({
      image: "skein/busybox:1",
      clusterMode: "multi-node",
      clusterSize: 4,
      resources: { cpu: 10_000 },
    });
    const session = await get(id);
    expect(session.status).toBe("pending");
    expect(session.reason).toMatch(/whole fleet|never/i);
    expect(session.containers.map(({ status, node }) => [status, node])).toEqual(
      Array(4).fill(["pending", null]),
    );
    await end(session);
    expect((await ended(id)).status).toBe("terminated");
  });

  test("nothing is placed on a cordoned node, and uncordoning lets the waiting session run", async () => {
    const all = await nodes();
    for (const { id } of all)
      expect((await request("PATCH", `/v1/nodes/${id}`, { schedulable: false })).status).toBe(200);
    const refused = await request<{ code: string; nodes: { reason: string }[] }>("POST", "/v1/plans", {
      image: "skein/busybox:1",
    });
    expect([refused.status, refused.body.code]).toEqual([409, "unschedulable"]);
    expect(refused.body.nodes.map((node) => node.reason)).toEqual(
      Array(3).fill(expect.stringMatching(/cordoned/)),
    );
    const waiting = await post({ image: "skein/busybox:1" });
    expect(waiting.status).toBe("pending");
    await request("PATCH", `/v1/nodes/${all[1]!.name}`, { schedulable: true });
    const now = await settled(waiting.id);
    expect([now.status, now.containers[0]!.node]).toEqual(["running", all[1]!.name]);
    await end(now);
    for (const { id } of all) await request("PATCH", `/v1/nodes/${id}`, { schedulable: true });
  });

  test("a dry run shows what a session would get", async () => {
    const body = { image: "skein/busybox:1", clusterMode: "multi-node", clusterSize: 5 };
    const plan = await request<SessionView>("POST", "/v1/plans", body);
    expect(plan.status).toBe(200);
    const session = await running(body);
    const place = (view: SessionView) =>
      view.containers.map(({ host, node, address, rank }) => ({ host, node, address, rank }));
    expect(place(session)).toEqual(place(plan.body));
    expect(session.network).toEqual(plan.body.network);
    await end(session);
  });
});
