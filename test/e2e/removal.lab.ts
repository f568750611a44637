/** DELETE leaves nothing, on hosts or in reservations, and the same session can be made again at once. */
import { describe, expect, test, vi } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import { cluster, create, end, request, running } from "./skein.ts";

const request4 = {
  name: "again",
  image: "skein/busybox:1",
  clusterMode: "multi-node",
  clusterSize: 4,
  resources: { cpu: 1, memory: "32MiB", gpu: 1 },
};

async function allocated(): Promise<NodeView["allocated"][]> {
  const { body } = await request<{ items: NodeView[] }>("GET", "/v1/nodes");
  return body.items.map((node) => node.allocated);
}

/** The planner frees another fleet's networks on these hosts once their agents have reported it. */
async function factsSettled(): Promise<void> {
  await vi.waitFor(async () => {
    const { body } = await request<{ items: NodeView[] }>("GET", "/v1/nodes");
    const used = body.items.flatMap((node) => node.facts.usedSubnets);
    expect(used.filter((subnet) => subnet.startsWith("10.64."))).toEqual([]);
  }, 30_000);
}

describe("a session that was deleted", () => {
  test("is terminated, leaves nothing on any host, and frees capacity, subnet and VNI", async () => {
    await factsSettled();
    const first = await running(request4);
    expect((await (await cluster()).leftovers()).length).toBeGreaterThan(0);
    const over = await end(first);
    expect(over.status).toBe("terminated");
    expect(over.endedAt).not.toBeNull();
    expect(over.containers.map((container) => container.status)).toEqual(Array(4).fill("removed"));
    expect(await (await cluster()).leftovers()).toEqual([]);
    expect(await allocated()).toEqual(Array(3).fill({ cpu: 0, memory: 0, gpu: 0 }));

    const second = await running(request4);
    expect(second.id).not.toBe(first.id);
    expect(second.network).toEqual(first.network);
    await end(second);
    expect(await (await cluster()).leftovers()).toEqual([]);
  });

  test("may be deleted again without an error", async () => {
    const session = await running({ image: "skein/busybox:1" });
    await end(session);
    expect((await end(session)).status).toBe("terminated");
  });

  test("may be deleted at any moment of its creation", async () => {
    for (let i = 0; i < 8; i++) {
      const { body, status } = await request<{ id: string }>("POST", "/v1/sessions", request4);
      expect(status).toBe(202);
      const early = i < 4 ? undefined : await request("GET", `/v1/sessions/${body.id}`);
      expect(early?.status ?? 200).toBe(200);
      expect((await end(body)).status).toBe("terminated");
      expect(await (await cluster()).leftovers()).toEqual([]);
    }
    expect(await allocated()).toEqual(Array(3).fill({ cpu: 0, memory: 0, gpu: 0 }));
  });

  test("frees its name, which then means the latest session", async () => {
    const session = await create({ image: "skein/busybox:1", name: "twice" });
    const taken = await request<{ code: string }>("POST", "/v1/sessions", {
      image: "skein/busybox:1",
      name: "twice",
    });
    expect([taken.status, taken.body.code]).toEqual([409, "name_in_use"]);
    await end(session);
    const latest = await request<{ id: string }>("GET", "/v1/sessions/twice");
    expect(latest.body.id).toBe(session.id);
    const next = await create({ image: "skein/busybox:1", name: "twice" });
    expect((await request<{ id: string }>("GET", "/v1/sessions/twice")).body.id).toBe(next.id);
    await end(next);
  });
});
