/** The API's disk is full: it refuses what it cannot store, goes on with all else, and loses nothing. */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiProblem, Session } from "../sdk/index.ts";
import { type Cluster, startCluster } from "./lab/cluster.ts";
import { diskAt } from "./lab/small-disk.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ hosts: 2, smallApiDisk: true });
});

afterAll(() => cluster?.close());

const MULTI = { image: "skein/debian:12", clusterMode: "multi-node", clusterSize: 2 } as const;

/** Asserts that the API refuses; returns the problem's code. */
async function codeOf(asked: Promise<unknown>): Promise<string> {
  const { problem } = await asked.then(
    () => expect.fail("it was not refused"),
    (error: ApiProblem) => error,
  );
  expect(problem).toMatchObject({ status: 503, retryAfter: 5 });
  // From the object that met the full disk, or from a caller of an object that was just reset by it.
  expect(problem.detail).toMatch(/no space left|had to restart/);
  return problem.code;
}

/** Start time of each container, from its engine. */
function starts({ containers }: Session): Promise<string[]> {
  return Promise.all(
    containers.map(async ({ node, containerId }) => {
      const { docker } = cluster.lab.hosts.find(({ name }) => name === node)!;
      return (await docker.getContainer(containerId!).inspect()).State.StartedAt;
    }),
  );
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(100);
}

test("an API whose disk is full refuses what it cannot store, and loses nothing; with space it goes on by itself", async () => {
  const { skein, api, agents } = cluster;
  const [runs, ends, fails] = [
    await cluster.create(MULTI),
    await cluster.create(MULTI),
    await cluster.create(MULTI),
  ];
  const get = async ({ id }: Session) => skein.getSession({ path: { id } });
  const before = await starts(runs);
  const disk = diskAt(api.dataDir);
  // An object that has slept may need disk space to load again (docs/reliability.md).
  for (const each of [runs, ends, fails]) await get(each);
  disk.fill();

  const asked = { body: { ...MULTI, name: "later" }, headers: { "idempotency-key": "later" } };
  expect(await codeOf(skein.createSession(asked))).toBe("unavailable");
  expect(await codeOf(skein.endSession({ path: { id: ends.id } }))).toBe("unavailable");
  expect(await codeOf(skein.createJoinToken())).toBe("unavailable");
  expect(await codeOf(skein.createSession(asked))).toBe("unavailable");
  // Meanwhile on the nodes: a container ends, an agent restarts.
  const { docker } = cluster.lab.hosts.find(({ name }) => name === fails.containers[1]!.node)!;
  await docker.getContainer(fails.containers[1]!.containerId!).kill();
  await agents[0]!.kill("SIGKILL");
  const back = agents[0]!.start();

  expect(await get(runs)).toEqual(runs);
  expect(await get(ends)).toEqual(ends);
  expect((await skein.listSessions()).items).toHaveLength(3);
  expect((await skein.listNodes()).items).toHaveLength(2);
  expect(await skein.planSession({ body: MULTI })).toMatchObject({ clusterSize: 2 });
  expect((await cluster.exec(runs, "main1", ["ssh", "sub1", "hostname"])).stdout).toBe("sub1\n");

  disk.free();
  await back;
  await until(async () => (await skein.listNodes()).items.every(({ status }) => status === "ready"));
  await until(async () => (await get(fails)).status === "failed");
  expect((await get(fails)).reason).toMatch(/^sub1 on node\d ended with exit code 137/);
  expect(await get(runs)).toEqual(runs);
  expect(await starts(runs)).toEqual(before);
  const { id } = await skein.createSession(asked);
  expect((await skein.createSession(asked)).id).toBe(id);
  await until(async () => (await skein.getSession({ path: { id } })).status === "running");
  expect((await skein.listSessions()).items).toHaveLength(4);

  for (const session of [ends, runs, { id }]) expect((await cluster.end(session)).status).toBe("terminated");
  expect(await cluster.leftovers()).toEqual([]);
  for (const { allocated } of (await skein.listNodes()).items)
    expect(Object.values(allocated)).toEqual(Object.values(allocated).map(() => 0));
  expect(api.log().match(/skein api ready/g)).toHaveLength(1);
});
