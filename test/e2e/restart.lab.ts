/** `onExit: "restart"`: containers come back unchanged, also if API, agent or engine were down, and at most as often as allowed. */
import { describe, expect, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { FAULTS } from "../chaos/faults.ts";
import { expectNames, expectOpen, expectSsh, expectVariables } from "./matrix.ts";
import { cluster, containerOf, create, dockerOf, end, get, running, sh } from "./skein.ts";

/** Counts its runs in a file, prints the number, and fails in the first `failures` of them. */
function failing(failures: number, last: string): string[] {
  const count = "n=$(($(cat /runs 2>/dev/null) + 1)); echo $n >/runs; echo run $n";
  return ["sh", "-c", `${count}; [ $n -gt ${failures} ] || exit 3; ${last}`];
}

const RESTART = { onExit: "restart", maxRestarts: 5 } as const;
const always = failing(100, "");

/** Waits until a container's reason matches; returns the session at that time. */
async function said(session: SessionView, host: string, reason: RegExp): Promise<SessionView> {
  return vi.waitFor(
    async () => {
      const now = await get(session.id);
      expect(containerOf(now, host).reason).toMatch(reason);
      return now;
    },
    { timeout: 60_000, interval: 100 },
  );
}

async function over(session: SessionView): Promise<SessionView> {
  return vi.waitFor(
    async () => {
      const now = await get(session.id);
      expect(now.status).toMatch(/^(failed|terminated)$/);
      return now;
    },
    { timeout: 60_000, interval: 100 },
  );
}

async function expectNothingLeft(): Promise<void> {
  expect(await (await cluster()).leftovers()).toEqual([]);
}

describe("a container that restarts", () => {
  test("keeps its container, address, names, keys and environment, and the session never stops running", async () => {
    const session = await running({
      image: "skein/debian:12",
      clusterMode: "multi-node",
      roles: [
        { name: "main", replicas: 1 },
        { name: "sub", replicas: 1, command: failing(2, "exec sleep inf"), ...RESTART },
        { name: "other", replicas: 1 },
      ],
    });
    const after = await said(session, "sub1", /^restart 2 of 5; before, it ended with exit code 3$/);
    expect(after).toEqual({ ...session, containers: expect.anything() });
    for (const [at, container] of after.containers.entries()) {
      const told = { exitCode: null, output: null, reason: null };
      expect({ ...container, ...told }).toEqual({ ...session.containers[at], ...told, status: "running" });
    }
    expect(containerOf(after, "sub1")).toMatchObject({ exitCode: 3, output: "run 1\nrun 2\n" });
    expect(await sh(after, "sub1", "hostname -i")).toBe(`${containerOf(session, "sub1").address}\n`);
    expect(await sh(after, "main1", "ssh sub1 cat /runs")).toBe("3\n");
    await expectSsh(after);
    await expectNames(after);
    await expectVariables(after, "main:1,sub:1,other:1");
    await expectOpen(after);
    expect((await end(session)).status).toBe("terminated");
    await expectNothingLeft();
  });

  test("may be main1: its exit with 0 ends the session", async () => {
    const { id } = await create({ image: "skein/debian:12", command: failing(2, "exit 0"), ...RESTART });
    const ended = await over(await get(id));
    expect([ended.status, ended.containers[0]!.output]).toEqual(["terminated", "run 1\nrun 2\nrun 3\n"]);
    await expectNothingLeft();
  });

  test("ends for good once its restarts are used up: the session fails and says so", async () => {
    const { id } = await create({
      image: "skein/busybox:1",
      roles: [
        { name: "main", replicas: 1 },
        { name: "sub", replicas: 1, command: always, onExit: "restart", maxRestarts: 1 },
      ],
    });
    const ended = await over(await get(id));
    expect(ended.status).toBe("failed");
    expect(ended.reason).toMatch(
      /^sub1 on .+ ended with exit code 3 \(its restart is used up\): see its out/,
    );
    expect(containerOf(ended, "sub1")).toMatchObject({ exitCode: 3, output: "run 1\nrun 2\n" });
    await expectNothingLeft();
  });

  test("does not come back if it was removed: the session fails", async () => {
    const session = await running({ image: "skein/busybox:1", ...RESTART });
    const docker = await dockerOf(session, "main1");
    await docker.getContainer(containerOf(session, "main1").containerId!).remove({ force: true });
    expect((await over(session)).reason).toMatch(
      /^main1 on .+: the container is gone, and Skein did not remove it/,
    );
    await expectNothingLeft();
  });
});

test("the API is down during a pause: the container comes back without it", async () => {
  const { api } = await cluster();
  const session = await running({
    image: "skein/busybox:1",
    command: failing(2, "exec sleep inf"),
    ...RESTART,
  });
  await said(session, "main1", /^restart/);
  await api.kill("SIGKILL");
  await vi.waitFor(async () => expect(await sh(session, "main1", "cat /runs")).toBe("3\n"), 30_000);
  await api.restart();
  const after = await said(session, "main1", /^restart 2 of 5; before/);
  expect([after.status, after.containers[0]!.status]).toEqual(["running", "running"]);
  await end(session);
  await expectNothingLeft();
});

test("the agent is killed during a pause: it goes on with the same restart; and no pause delays an end", async () => {
  const { agents } = await cluster();
  const session = await running({ image: "skein/busybox:1", command: always, ...RESTART });
  await said(session, "main1", /^restart 3 of 5 in \d s; it ended with exit code 3$/);
  const { node, containerId } = containerOf(session, "main1");
  const agent = agents.find(({ name }) => name === node)!;
  await agent.restart("SIGKILL");

  const waiting = await said(session, "main1", /^restart 4 of 5 in 8 s/);
  expect(waiting.containers[0]).toMatchObject({
    status: "running",
    exitCode: 3,
    output: "run 1\nrun 2\nrun 3\nrun 4\n",
  });
  // Before the fifth run, so without waiting for it.
  expect(await end(session)).toMatchObject({
    status: "terminated",
    reason: "ended by request",
    containers: [{ status: "removed", exitCode: 3, output: waiting.containers[0]!.output }],
  });
  const docker = await dockerOf(session, "main1");
  await expect(docker.getContainer(containerId!).inspect()).rejects.toMatchObject({ statusCode: 404 });
  await expectNothingLeft();
});

test("an engine is stopped, another killed, a host restarted: what they ran comes back", async () => {
  const shared = await cluster();
  const session = await running({
    image: "skein/debian:12",
    clusterMode: "multi-node",
    clusterSize: 3,
    ...RESTART,
  });
  const strike = (name: string, node: string | null) => {
    const at = shared.lab.hosts.findIndex((host) => host.name === node);
    return FAULTS.find((fault) => fault.name === name)!.strike({ cluster: shared, at, lasts: 0, choice: 0 });
  };
  const faults = ["engine stopped", "engine killed", "host restarted"];
  await Promise.all(session.containers.map(({ node }, at) => strike(faults[at]!, node)));

  for (const { host } of session.containers) await said(session, host, /^restart 1 of 5; before/);
  const after = await get(session.id);
  expect(after.status).toBe("running");
  expect(after.containers.map(({ containerId, status }) => [containerId, status])).toEqual(
    session.containers.map(({ containerId }) => [containerId, "running"]),
  );
  await expectSsh(after);
  await expectOpen(after);
  expect((await end(session)).status).toBe("terminated");
  await expectNothingLeft();
});
