import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { networkName } from "../docker/docker-names.ts";
import type { OutputBatch, OutputOptions } from "../docker/output.ts";
import { DockerError } from "../docker/port.ts";
import { makeLog } from "../log.ts";
import { counted, readAll, tempDir } from "./log-fixtures.ts";
import { NodeLogs } from "./node-logs.ts";

const owner = { fleet: "flt_1", node: "node_1" };

/** An engine whose containers print lines with their numbers as time. */
class FakeEngine {
  /** By container: the number of its last line. */
  readonly printed = new Map<string, number>();
  /** Containers whose output never ends, and comes late. */
  readonly stuck = new Set<string>();
  /** How often each was asked for, and fails as often before that. */
  asked = 0;
  failures = 0;

  async *output(id: string, { after, ended, signal }: OutputOptions): AsyncGenerator<OutputBatch> {
    this.asked++;
    if (this.failures-- > 0) throw new DockerError("connect ECONNREFUSED");
    for (let next = Number(after?.newest ?? 0n) + 1; !signal.aborted; ) {
      const isOver = ended.aborted && !this.stuck.has(id);
      const last = this.printed.get(id) ?? 0;
      if (last >= next)
        yield { entries: counted(next, last, (n) => `${n} ${"x".repeat(100)}`), missed: false, fresh: true };
      next = last + 1;
      if (isOver) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function node({ dir = tempDir(), space = 2 ** 30, docker = new FakeEngine() } = {}) {
  const logs = await NodeLogs.open({ dir, owner, docker, space, log: makeLog(() => {}) });
  onTestFinished(() => logs.close());
  const folder = (session: string) => join(dir, networkName(owner, session));
  const read = async (session: string, host = "main1") => {
    const log = (await logs.find(session))?.log(host);
    return log && (await readAll(log)).map((line) => line.split(" ").slice(0, 3).join(" "));
  };
  return { dir, logs, docker, folder, read };
}

const expected = (session: string, hosts = ["main1"], seconds = 3600) => ({
  session,
  containers: hosts.map((host) => ({ host })),
  logs: { bytes: 2 ** 20, seconds },
});

const last = (lines: string[] | undefined) => Number(lines?.at(-1)?.split(" ")[0]);

describe("a container", () => {
  test("is followed from its start; after its end everything is there, for other runs of the agent, too", async () => {
    const { dir, logs, docker, read, folder } = await node();
    await logs.expect(expected("ses_1"));
    docker.printed.set("c1", 3);
    logs.started("ses_1", "main1", "c1");
    await expect.poll(async () => last(await read("ses_1"))).toBe(3);
    docker.printed.set("c1", 1000);
    await logs.ended("ses_1", "main1", "c1");
    expect(last(await read("ses_1"))).toBe(1000);
    await logs.over("ses_1");
    const next = await node({ dir });
    expect(await next.read("ses_1")).toHaveLength(1000);
    expect((await next.logs.find("ses_1"))!.log("main1")!.closed).toBe(true);
    const modes = [
      dir,
      folder("ses_1"),
      ...readdirSync(folder("ses_1")).map((name) => join(folder("ses_1"), name)),
    ];
    expect(modes.map((path) => statSync(path).mode & 0o077)).toEqual(modes.map(() => 0));
  });

  test("that is started again goes on in the same log; so does another container of that name", async () => {
    const { logs, docker, read } = await node();
    await logs.expect(expected("ses_1"));
    docker.printed.set("c1", 2);
    logs.started("ses_1", "main1", "c1");
    logs.started("ses_1", "main1", "c1");
    await logs.ended("ses_1", "main1", "c1");
    docker.printed.set("c1", 3);
    logs.started("ses_1", "main1", "c1");
    await expect.poll(async () => last(await read("ses_1"))).toBe(3);
    await logs.ended("ses_1", "main1", "c1");
    docker.printed.set("c2", 1);
    logs.started("ses_1", "main1", "c2");
    await logs.ended("ses_1", "main1", "c2");
    expect((await read("ses_1"))!.map((line) => line.split(" ")[2])).toEqual(["1", "2", "3", "1"]);
  });

  test("whose agent was killed is followed on from the last stored line", async () => {
    const before = await node();
    const { dir, docker } = before;
    await before.logs.expect(expected("ses_1"));
    docker.printed.set("c1", 5);
    before.logs.started("ses_1", "main1", "c1");
    await expect.poll(async () => last(await before.read("ses_1"))).toBe(5);
    await before.logs.close();
    docker.printed.set("c1", 9);
    const { logs, read } = await node({ dir, docker });
    await logs.expect(expected("ses_1"));
    logs.started("ses_1", "main1", "c1");
    await logs.ended("ses_1", "main1", "c1");
    expect((await read("ses_1"))!.map((line) => line.split(" ")[2])).toEqual([..."123456789"]);
  });

  test("whose engine does not answer is asked again", async () => {
    const { logs, docker, read } = await node();
    docker.failures = 1;
    docker.printed.set("c1", 2);
    await logs.expect(expected("ses_1"));
    logs.started("ses_1", "main1", "c1");
    await expect.poll(async () => last(await read("ses_1"))).toBe(2);
    expect(docker.asked).toBe(2);
  });

  test("whose output does not end holds nobody up for long, and the log says so", async () => {
    const { logs, docker, read } = await node();
    docker.stuck.add("c1").add("c2");
    docker.printed.set("c1", 1);
    await logs.expect(expected("ses_1"));
    logs.started("ses_1", "main1", "c1");
    await expect.poll(async () => last(await read("ses_1"))).toBe(1);
    const begun = performance.now();
    await logs.ended("ses_1", "main1", "c1", true);
    expect(performance.now() - begun).toBeLessThan(4000);
    const log = (await logs.find("ses_1"))!.log("main1")!;
    expect((await readAll(log)).at(-1)).toMatch(/notice the last output may be missing/);
  });
});

test("a reader that comes before its session waits for it", async () => {
  const { logs } = await node();
  const signal = new AbortController().signal;
  let isThere = false;
  const found = logs.await("ses_1", ["main1", "sub1"], signal).finally(() => {
    isThere = true;
  });
  await logs.expect(expected("ses_1", ["main1"]));
  expect(isThere).toBe(false);
  await logs.expect(expected("ses_1", ["main1", "sub1"]));
  expect((await found)!.meta.hosts).toEqual(["main1", "sub1"]);
  expect(await logs.await("ses_9", ["main1"], AbortSignal.abort())).toBeUndefined();
});

describe("ended sessions", () => {
  test("stay for their retention, which counts from their end on this node", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const { dir, logs, docker, folder } = await node();
    docker.printed.set("c1", 1);
    for (const [session, seconds] of [
      ["ses_1", 60],
      ["ses_2", 3600],
    ] as const) {
      await logs.expect(expected(session, ["main1"], seconds));
      logs.started(session, "main1", "c1");
      await logs.ended(session, "main1", "c1");
      await logs.over(session);
    }
    vi.setSystemTime(Date.now() + 59_000);
    const tended = new AbortController();
    const tend = async (of: NodeLogs) => {
      const signal = AbortSignal.any([tended.signal, AbortSignal.timeout(50)]);
      await of.tend(signal);
    };
    await tend(logs);
    expect(existsSync(folder("ses_1"))).toBe(true);
    vi.setSystemTime(Date.now() + 2_000);
    const next = await node({ dir });
    const { size } = next.logs;
    await tend(next.logs);
    expect([existsSync(folder("ses_1")), existsSync(folder("ses_2"))]).toEqual([false, true]);
    expect(next.logs.size).toBe(size / 2);
    expect(await next.logs.find("ses_1")).toBeUndefined();
  });

  test("that the API does not list any longer have ended; one that comes again lives again", async () => {
    const { logs, docker, read } = await node();
    docker.printed.set("c1", 1);
    await logs.expect(expected("ses_1"));
    logs.started("ses_1", "main1", "c1");
    await expect.poll(async () => last(await read("ses_1"))).toBe(1);
    await logs.keepOnly(new Set(["ses_2"]));
    expect((await logs.find("ses_1"))!.meta.endedAt).toBeGreaterThan(0);
    const { size } = logs;
    await logs.expect(expected("ses_1", ["sub1"]));
    expect(logs.size).toBe(size);
    expect((await logs.find("ses_1"))!.meta).toMatchObject({ hosts: ["main1", "sub1"] });
    expect((await logs.find("ses_1"))!.meta.endedAt).toBeUndefined();
    expect(await read("ses_1")).toHaveLength(1);
    expect(await read("ses_1", "sub1")).toEqual([]);
    expect(await read("ses_1", "sub2")).toBeUndefined();
  });

  test("a folder that nobody can read is removed", async () => {
    const { dir } = await node();
    mkdirSync(join(dir, "skein-123"));
    writeFileSync(join(dir, "skein-123", "session.json"), "{");
    await node({ dir });
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("the space of all logs", () => {
  test("is kept: ended sessions go first, the oldest of them at first, then the oldest output of live ones", async () => {
    const { logs, docker, read, folder } = await node({ space: 400_000 });
    const fill = async (session: string, lines: number) => {
      await logs.expect(expected(session));
      docker.printed.set(`c_${session}`, lines);
      logs.started(session, "main1", `c_${session}`);
      await expect.poll(async () => last(await read(session))).toBe(lines);
    };
    for (const session of ["ses_1", "ses_2"]) {
      await fill(session, 1000);
      await logs.ended(session, "main1", `c_${session}`);
      await logs.over(session);
    }
    await fill("ses_live", 1000);
    const bytes = () => ["ses_1", "ses_2", "ses_live"].map((session) => diskBytes(folder(session)) > 0);
    await expect.poll(() => logs.size).toBeLessThanOrEqual(400_000);
    expect(bytes()).toEqual([true, true, true]);
    await fill("ses_more", 1200);
    await expect.poll(() => logs.size).toBeLessThanOrEqual(400_000);
    expect(bytes()).toEqual([false, true, true]);
    await fill("ses_most", 3000);
    await expect.poll(() => logs.size).toBeLessThanOrEqual(400_000);
    expect(bytes().slice(0, 2)).toEqual([false, false]);
    expect((await read("ses_most"))!.length).toBeGreaterThan(0);
    // What is left of an ended session says how much went.
    expect((await logs.find("ses_1"))!.meta.session).toBe("ses_1");
    expect(logs.size).toBe(
      ["ses_1", "ses_2", "ses_live", "ses_more", "ses_most"].reduce(
        (sum, each) => sum + diskBytes(folder(each)),
        0,
      ),
    );
  });
});

function diskBytes(dir: string): number {
  const segments = readdirSync(dir).filter((name) => name.startsWith("main1."));
  return segments.reduce((sum, name) => sum + readFileSync(join(dir, name)).length, 0);
}
