/** A heterogeneous session: each role with its own image, environment and limits; real limits on the containers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { expectSsh, expectVariables } from "./matrix.ts";
import { containerOf, dockerOf, end, request, running, sh } from "./skein.ts";

const MIB = 1024 * 1024;
let session: SessionView;

beforeAll(async () => {
  session = await running({
    image: "skein/debian:12",
    env: { COMMON: "all", MODE: "default" },
    resources: { memory: "64MiB" },
    clusterMode: "multi-node",
    roles: [
      {
        name: "worker",
        replicas: 2,
        image: "skein/busybox:1",
        env: { MODE: "work" },
        resources: { memory: "96MiB", cpu: 0.5, shm: "8MiB" },
      },
      { name: "main", replicas: 1 },
      { name: "ps", replicas: 1, env: { MODE: 'ps it\'s "quoted" $HOME' }, user: "1234" },
    ],
  });
});
afterAll(() => end(session));

async function inspect(host: string) {
  return (await dockerOf(session, host)).getContainer(containerOf(session, host).containerId!).inspect();
}

describe("a heterogeneous session", () => {
  test("has main first, then the roles in the order of the request", () => {
    expect(session.containers.map(({ host, rank }) => [host, rank])).toEqual([
      ["main1", 0],
      ["worker1", 1],
      ["worker2", 2],
      ["ps1", 3],
    ]);
  });

  test("has hosts, replicas and ranks in the variables", () =>
    expectVariables(session, "main:1,worker:2,ps:1"));

  test("gives each role its own image, environment and memory limit", async () => {
    const expected = {
      main1: { image: "skein/debian:12", mode: "default", memory: 64 * MIB },
      worker1: { image: "skein/busybox:1", mode: "work", memory: 96 * MIB },
      worker2: { image: "skein/busybox:1", mode: "work", memory: 96 * MIB },
      ps1: { image: "skein/debian:12", mode: 'ps it\'s "quoted" $HOME', memory: 64 * MIB },
    };
    for (const [host, { image, mode, memory }] of Object.entries(expected)) {
      const { Config, HostConfig } = await inspect(host);
      expect(Config.Image).toBe(image);
      expect(HostConfig.Memory).toBe(memory);
      expect(await sh(session, host, 'printf %s "$MODE/$COMMON"')).toBe(`${mode}/all`);
      const limit = await sh(
        session,
        host,
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || true",
      );
      expect(limit.trim()).toBe(String(memory));
    }
  });

  test("passes the environment over SSH unchanged, quotes and dollars included", async () => {
    expect(await sh(session, "main1", "ssh ps1 'printf %s \"$MODE\"'")).toBe('ps it\'s "quoted" $HOME');
  });

  test("limits CPU and shared memory", async () => {
    expect((await inspect("worker1")).HostConfig.NanoCpus).toBe(500_000_000);
    expect(await sh(session, "worker1", "df -k /dev/shm | tail -1 | awk '{print $2}'")).toBe("8192\n");
  });

  test("lets every ordered pair ssh, across images and users", () => expectSsh(session));

  test("counts its resources as allocated on the nodes", async () => {
    const { body } = await request<{ items: { name: string; allocated: { cpu: number; memory: number } }[] }>(
      "GET",
      "/v1/nodes",
    );
    const memory = body.items.reduce((sum, node) => sum + node.allocated.memory, 0);
    expect(memory).toBe((64 + 96 + 96 + 64) * MIB);
    expect(body.items.reduce((sum, node) => sum + node.allocated.cpu, 0)).toBe(1);
  });
});

describe("GPUs", () => {
  test("no two containers get the same one, and none gets a missing one", async () => {
    const gpus = await running({
      image: "skein/busybox:1",
      clusterMode: "multi-node",
      clusterSize: 4,
      resources: { gpu: 1 },
    });
    const given = await Promise.all(
      gpus.containers.map(
        async ({ host, node }) => `${node}:${await sh(gpus, host, 'printf %s "$NVIDIA_VISIBLE_DEVICES"')}`,
      ),
    );
    expect(new Set(given).size).toBe(4);
    const refused = await request<{ nodes: { node: string; reason: string }[] }>("POST", "/v1/plans", {
      image: "skein/busybox:1",
      resources: { gpu: 99 },
    });
    expect(refused.status).toBe(409);
    expect(refused.body.nodes).toHaveLength(3);
    expect(refused.body.nodes[0]!.reason).toMatch(/gpu/i);
    await end(gpus);
  });
});
