/** What containers print, from real engines into the agent's own files: complete, in order, within bounds. */
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { networkName } from "../agent/docker/docker-names.ts";
import { LogReader } from "../agent/logs/log-reader.ts";
import { readSegments } from "../agent/logs/segments.ts";
import { StoredLog } from "../agent/logs/stored-log.ts";
import type { StoredRecord } from "../agent/logs/stored-records.ts";
import { DEFAULT_SETTINGS } from "../shared/settings/settings.ts";
import { smallDisk } from "./lab/small-disk.ts";
import { useAgentLab } from "./support/agent-lab.ts";
import type { ControlSession } from "./support/control.ts";

const here = useAgentLab();
const { find, reported } = here;

afterEach(() => {
  here.control.settings = DEFAULT_SETTINGS;
});

/** A container's stored output, read from its node's disk. */
async function stored(session: ControlSession, host: string): Promise<StoredRecord[]> {
  const { node, machine } = find(session, host);
  const agent = here.agents.find((each) => each.host === machine)!;
  const dir = join(agent.stateDir, "logs", networkName({ fleet: "flt_test", node }, session.id));
  const segments = (await readSegments(dir)).get(host) ?? [];
  const reader = new LogReader(new StoredLog({ dir, host, bytes: 1, segments }), {});
  const all: StoredRecord[] = [];
  for (let records = await reader.read(); records.length > 0; records = await reader.read())
    for (const record of records) all.push({ ...record, bytes: Buffer.from(record.bytes) });
  await reader.close();
  return all;
}

const textOf = ({ bytes, partial }: StoredRecord) =>
  `${Buffer.from(bytes).toString("latin1")}${partial ? "" : "\n"}`;

async function output(session: ControlSession, host = "main1"): Promise<string> {
  return (await stored(session, host)).map(textOf).join("");
}

/** A request whose containers run this shell script, and nothing that ends the session. */
const script = (text: string, size = 1) => ({
  image: "skein/debian:12",
  clusterSize: size,
  command: ["sh", "-c", text],
});

async function exited(session: ControlSession, host = "main1"): Promise<void> {
  await here.control.until(() => reported(session, host).status === "exited");
}

/** Numbered lines of 101 bytes. */
const LINE = `%012.0f ${"x".repeat(87)}`;
const lines = (from: number, to: number) => `seq -f '${LINE}' ${from} ${to}`;

/** The first number out of order; undefined: all are there. */
function firstWrong(records: readonly StoredRecord[], from: number, to: number): string | undefined {
  const notice = records.find(({ stream }) => stream === "notice");
  if (notice) return textOf(notice);
  if (records.length !== to - from + 1) return `${records.length} lines`;
  const at = records.findIndex((record, index) => Number(textOf(record).slice(0, 12)) !== from + index);
  if (at >= 0) return `line ${at}: ${textOf(records[at]!)}`;
  const back = records.findIndex(({ time }, index) => index > 0 && time <= records[index - 1]!.time);
  return back < 0 ? undefined : `the time of line ${back}`;
}

describe("complete and in order", () => {
  test("100 MB at full speed, through the engine's rotation", async () => {
    here.control.settings = { ...DEFAULT_SETTINGS, logBytes: 1024 ** 3 };
    const begun = performance.now();
    const session = await here.control.run(script(lines(1, 1_000_000)));
    await exited(session);
    await here.control.remove(session);
    const seconds = (performance.now() - begun) / 1000;
    expect(firstWrong(await stored(session, "main1"), 1, 1_000_000)).toBeUndefined();
    console.log(`100 MB stored, ${(101 / seconds).toFixed(0)} MB/s with the container's start and end`);
  }, 240_000);

  test("bytes as they are, both streams, no newline at the end", async () => {
    const session = await here.control.run(
      script("printf 'a\\377\\376\\000b\\r\\n\\n'; sleep 0.2; echo err >&2; sleep 0.2; printf 'no newline'"),
    );
    await exited(session);
    await here.control.remove(session);
    const records = await stored(session, "main1");
    expect(records.map(({ stream }) => stream)).toEqual(["stdout", "stdout", "stderr", "stdout"]);
    expect(records.map(textOf)).toEqual(["a\xff\xfe\0b\r\n", "\n", "err\n", "no newline"]);
  });

  test("a line of a megabyte", async () => {
    const session = await here.control.run(
      script("head -c 1000000 /dev/zero | tr '\\0' y; echo; echo after"),
    );
    await exited(session);
    await here.control.remove(session);
    expect(await output(session)).toBe(`${"y".repeat(1_000_000)}\nafter\n`);
  });

  test("what a container prints while it is stopped", async () => {
    const session = await here.control.run(
      script(`trap 'seq -f "${LINE}" 1 50000; exit 0' TERM; echo ready; while :; do sleep 0.1; done`),
    );
    await expect.poll(() => output(session)).toBe("ready\n");
    await here.control.remove(session);
    expect(firstWrong((await stored(session, "main1")).slice(1), 1, 50_000)).toBeUndefined();
  });

  test("over restarts of the container", async () => {
    const session = await here.control.run({
      image: "skein/debian:12",
      roles: [
        { name: "main", replicas: 1 },
        {
          name: "flaky",
          replicas: 1,
          onExit: "restart",
          maxRestarts: 2,
          command: ["sh", "-c", "echo start; seq 1 1000; exit 3"],
        },
      ],
    });
    await exited(session, "flaky1");
    const once = `start\n${Array.from({ length: 1000 }, (_, at) => `${at + 1}\n`).join("")}`;
    await expect.poll(() => output(session, "flaky1")).toBe(once.repeat(3));
    await here.control.remove(session);
    expect(await output(session, "flaky1")).toBe(once.repeat(3));
  });
});

const ticking = `i=0; while :; do i=$((i+1)); printf '%012d tick\\n' $i; [ $((i % 100)) = 0 ] && sleep 0.1; done`;

/** Waits until there are more stored records. Resolves to how many there are. */
async function grows(session: ControlSession, over: number, host = "main1"): Promise<number> {
  const count = async () => (await stored(session, host)).length;
  await expect.poll(count, { timeout: 30_000 }).toBeGreaterThan(over);
  return await count();
}

describe("after a fault", () => {
  test("a killed agent goes on without a gap or a repeat; what was printed meanwhile is there", async () => {
    const session = await here.control.run(script(ticking));
    let count = await grows(session, 500);
    for (let round = 0; round < 3; round++) {
      await here.away("SIGKILL", async () => {
        await new Promise((resolve) => setTimeout(resolve, 1000));
      });
      count = await grows(session, count + 1000);
    }
    await here.control.remove(session);
    const records = await stored(session, "main1");
    expect(firstWrong(records, 1, records.length)).toBeUndefined();
  });

  test("a container that ended while the agent was away is complete", async () => {
    const session = await here.control.run(script(`sleep 1; ${lines(1, 100_000)}`));
    const { docker, id } = find(session, "main1");
    await here.away("SIGTERM", async () => void (await docker.getContainer(id).wait()));
    await exited(session);
    const wrong = async () => firstWrong(await stored(session, "main1"), 1, 100_000);
    await expect.poll(wrong, { timeout: 60_000 }).toBeUndefined();
    await here.control.remove(session);
  });

  test("a full disk disturbs no session, and its log goes on when there is room", async () => {
    const node = here.agents[0]!;
    await node.kill("SIGTERM");
    const dir = join(node.stateDir, "logs");
    const disk = await smallDisk(dir, "16m");
    node.start();
    await here.control.connected(3);
    // One container on each node.
    const session = await here.control.run({ ...script(ticking, 3), clusterMode: "multi-node" });
    const host = ["main1", "sub1", "sub2"].find((each) => find(session, each).machine === node.host)!;
    const before = await grows(session, 500, host);
    disk.fill();
    await expect.poll(() => node.log, { timeout: 20_000 }).toMatch(/output cannot be followed.*ENOSPC/);
    expect(reported(session, host).status).toBe("running");
    disk.free();
    await grows(session, before + 1000, host);
    const records = await stored(session, host);
    expect(firstWrong(records, 1, records.length)).toBeUndefined();
    await here.control.remove(session);
    await node.kill("SIGTERM");
    await disk.unmount();
    node.start();
    await here.control.connected(3);
  });

  test("an engine that died takes its containers along, and what they printed is there", async () => {
    const session = await here.control.run(script(ticking));
    const { machine } = find(session, "main1");
    await grows(session, 500);
    await machine.killEngine();
    await machine.startEngine();
    await exited(session);
    await here.control.remove(session);
    const records = await stored(session, "main1");
    expect(records.length).toBeGreaterThan(500);
    expect(firstWrong(records, 1, records.length)).toBeUndefined();
  });
});

describe("an agent that cannot read the engine's files", () => {
  test("follows by the engine's API: bytes as they are, over its own death, to the end", async () => {
    for (const agent of here.agents) {
      await agent.kill("SIGTERM");
      // It sees an empty folder in their place.
      const folder = join(agent.host.dataDir, "containers");
      agent.before = ["unshare", "--mount", "sh", "-c", `mount -t tmpfs none ${folder} && exec "$@"`, "-"];
      agent.start();
    }
    await here.control.connected(3);
    const session = await here.control.run(script(`printf 'a\\377\\000b'; echo; ${ticking}`));
    const count = await grows(session, 500);
    await here.away("SIGKILL");
    await grows(session, count + 1000);
    await here.control.remove(session);
    const [first, ...rest] = await stored(session, "main1");
    expect(textOf(first!)).toBe("a\xff\0b\n");
    expect(firstWrong(rest, 1, rest.length)).toBeUndefined();
    for (const agent of here.agents) {
      await agent.kill("SIGTERM");
      agent.before = [];
      agent.start();
    }
    await here.control.connected(3);
  });
});

describe("bounds", () => {
  test("of a container: the last LOG_BYTES stay, and a notice says how much went", async () => {
    here.control.settings = { ...DEFAULT_SETTINGS, logBytes: 2 * 1024 * 1024 };
    const session = await here.control.run(script(lines(1, 200_000)));
    await exited(session);
    await here.control.remove(session);
    const [notice, ...rest] = await stored(session, "main1");
    expect(notice!.stream).toBe("notice");
    expect(textOf(notice!)).toBe(
      `${(200_000 - rest.length) * 101} bytes of output before this are no longer kept\n`,
    );
    expect(firstWrong(rest, 200_001 - rest.length, 200_000)).toBeUndefined();
    expect(rest.length * 101).toBeGreaterThan(1_000_000);
  });

  test("64 containers that print at once on one node: each is complete", async () => {
    const session = await here.control.run(script(lines(1, 5_000), 64));
    const hosts = ["main1", ...Array.from({ length: 63 }, (_, at) => `sub${at + 1}`)];
    for (const host of hosts) await exited(session, host);
    await here.control.remove(session);
    for (const host of hosts) expect(firstWrong(await stored(session, host), 1, 5_000), host).toBeUndefined();
  }, 240_000);
});
