/** The API is killed: containers go on, agents come back by themselves, sessions are as before and can be ended. */
import { describe, expect, test, vi } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import { expectSsh } from "./matrix.ts";
import { cluster, containerOf, dockerOf, end, ended, get, request, running, settled, sh } from "./skein.ts";

async function allReady(): Promise<void> {
  await vi.waitFor(async () => {
    const { body } = await request<{ items: NodeView[] }>("GET", "/v1/nodes");
    expect(body.items.map((node) => node.status)).toEqual(Array(body.items.length).fill("ready"));
  }, 30_000);
}

describe("the API killed with SIGKILL", () => {
  test("while sessions run: they go on, and are as before once it is back", async () => {
    const { api, leftovers } = await cluster();
    const session = await running({
      image: "skein/debian:12",
      clusterMode: "multi-node",
      clusterSize: 4,
      name: "survivor",
    });
    const processes = () =>
      Promise.all(session.containers.map(({ host }) => sh(session, host, "cut -d' ' -f22 /proc/1/stat")));
    const startTimes = await processes();

    await api.kill("SIGKILL");
    await expectSsh(session);
    await api.restart();

    await allReady();
    expect(await get(session.id)).toEqual(session);
    expect(await processes()).toEqual(startTimes);
    await expectSsh(session);
    expect((await end(session)).status).toBe("terminated");
    expect(await leftovers()).toEqual([]);
  });

  test("while it creates a session: the session runs, or fails with a reason and leaves nothing behind", async () => {
    const { api, leftovers } = await cluster();
    const { body } = await request<{ id: string }>("POST", "/v1/sessions", {
      image: "skein/busybox:1",
      clusterMode: "multi-node",
      clusterSize: 6,
    });
    await api.kill("SIGKILL");
    await api.restart();
    const session = await settled(body.id);
    expect(session.status, session.reason ?? "").toBe("running");
    await end(session);
    expect(await leftovers()).toEqual([]);
  });

  test("once it is back, it knows a container that ended meanwhile", async () => {
    const { api } = await cluster();
    const session = await running({
      image: "skein/debian:12",
      command: ["sh", "-c", "until [ -e /tmp/go ]; do sleep 0.05; done; exit 9"],
    });
    const docker = await dockerOf(session, "main1");
    await api.kill("SIGKILL");
    await sh(session, "main1", "touch /tmp/go");
    await docker.getContainer(containerOf(session, "main1").containerId!).wait();
    await api.restart();
    const over = await ended(session.id);
    expect([over.status, over.containers[0]!.exitCode]).toEqual(["failed", 9]);
  });
});

describe("an agent that is killed", () => {
  test("while its session runs: the session goes on, and the restarted agent adopts its containers", async () => {
    const { agents, leftovers } = await cluster();
    const session = await running({ image: "skein/debian:12", clusterMode: "multi-node", clusterSize: 3 });
    const ids = session.containers.map((container) => container.containerId);
    await agents[0]!.kill("SIGKILL");
    await vi.waitFor(async () => {
      const { body } = await request<{ items: NodeView[] }>("GET", "/v1/nodes");
      expect(body.items.map((node) => node.status)).toContain("disconnected");
    }, 30_000);
    await expectSsh(session);
    await agents[0]!.restart();
    await allReady();
    const after = await get(session.id);
    expect([after.status, after.containers.map((container) => container.containerId)]).toEqual([
      "running",
      ids,
    ]);
    await expectSsh(session);
    await end(session);
    expect(await leftovers()).toEqual([]);
  });
});
