/** `skein logs`: the output of a session's containers, complete and in order, whatever happens on its way. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { type Command, skein, start } from "./cli.ts";
import { cluster, containerOf, end, ended, request, running } from "./skein.ts";

const BUSYBOX = "skein/busybox:1";
const HOSTS = ["main1", "sub1", "sub2"];

/** Counts for ever, a hundred lines a second. */
const COUNTING = "n=0; while :; do n=$((n+1)); echo $n; [ $((n % 10)) = 0 ] && sleep 0.1; done";

/** A session of three, one on each node, that all run this. */
async function three(script: string): Promise<SessionView> {
  const session = await running({
    image: BUSYBOX,
    clusterMode: "multi-node",
    roles: [
      { name: "main", replicas: 1 },
      { name: "sub", replicas: 2 },
    ],
    command: ["sh", "-c", script],
  });
  expect(new Set(session.containers.map(({ node }) => node)).size).toBe(3);
  return session;
}

/** The numbers that each host has counted, from lines like `main1 | 17`. */
function counts(printed: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [, host, number] of printed.matchAll(/^(\w+) *\| (\d+)$/gm))
    found.set(host!, [...(found.get(host!) ?? []), Number(number)]);
  return found;
}

/** Waits until each host has counted so far in what the command prints. */
async function reaches(follows: Command, count: number, hosts = HOSTS): Promise<void> {
  const last = (host: string) => counts(follows.stdout().toString()).get(host)?.at(-1) ?? 0;
  await expect.poll(() => Math.min(...hosts.map(last)), { timeout: 90_000 }).toBeGreaterThan(count);
}

/** How far each host has counted. */
function furthest(follows: Command): number {
  return Math.max(...[...counts(follows.stdout().toString()).values()].map((numbers) => numbers.at(-1)!));
}

function expectNoGapNorRepeat(printed: string): void {
  const all = counts(printed);
  expect([...all.keys()].sort()).toEqual(HOSTS);
  for (const [host, numbers] of all) {
    const wrong = numbers.findIndex((number, at) => number !== at + 1);
    expect([host, wrong < 0 ? [] : numbers.slice(Math.max(0, wrong - 3), wrong + 3)]).toEqual([host, []]);
  }
}

describe("logs -f", () => {
  test("goes on over the deaths of agents and API, without gap or repeat, says so, and ends with the session", async () => {
    const { api, agents } = await cluster();
    const session = await three(COUNTING);
    const follows = await start(["logs", "-f", session.id]);
    await reaches(follows, 100);
    const agent = agents.find(({ host }) => host.name === containerOf(session, "sub1").node)!;
    await agent.kill("SIGKILL");
    await expect
      .poll(() => follows.stderr(), { timeout: 30_000 })
      .toMatch(/logs of node \S+ cannot be read now/);
    // The others go on meanwhile.
    await reaches(follows, furthest(follows) + 100, ["main1", "sub2"]);
    await agent.start();
    await reaches(follows, furthest(follows) + 100);
    await api.kill("SIGKILL");
    await expect.poll(() => follows.stderr(), { timeout: 30_000 }).toMatch(/no answer from the API/);
    await api.start();
    await reaches(follows, furthest(follows) + 100);
    await end(session);
    const { code, stdout } = await follows.ended;
    expect(code).toBe(0);
    expectNoGapNorRepeat(stdout.toString());
    const all = await skein(["logs", session.id]);
    expect(counts(all.stdout.toString())).toEqual(counts(stdout.toString()));
  }, 240_000);

  test("goes on over a cut cable", async () => {
    const { lab } = await cluster();
    const session = await three(COUNTING);
    const follows = await start(["logs", "-f", session.id]);
    await reaches(follows, 100);
    const host = lab.hosts.find(({ name }) => name === containerOf(session, "sub2").node)!;
    await host.linkDown();
    await expect
      .poll(() => follows.stderr(), { timeout: 60_000 })
      .toMatch(/logs of node \S+ cannot be read now/);
    await host.linkUp();
    await reaches(follows, furthest(follows) + 100);
    await end(session);
    expectNoGapNorRepeat((await follows.ended).stdout.toString());
  }, 240_000);
});

test("bytes are the user's own on a pipe: 10 MB of any kind, apart from what goes to stderr", async () => {
  const script = "sleep 1; head -c 10000000 /dev/urandom >/r; cat /r; sha256sum </r >&2";
  const { id } = await running({ image: BUSYBOX, command: ["sh", "-c", script] });
  await ended(id);
  const { code, stdout, stderr } = await skein(["logs", id]);
  expect([code, `${sha256(stdout)}  -\n`]).toEqual([0, stderr]);
});

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("what is asked for", () => {
  test("one container, the last lines, from a time on, with times; as JSON", async () => {
    const session = await three(
      "echo first >&2; sleep 2; for n in 1 2 3; do echo line $n; done; exec sleep inf",
    );
    const lines = async (...args: string[]) => (await skein(["logs", session.id, ...args])).stdout.toString();
    await expect.poll(() => lines("sub1"), { timeout: 20_000 }).toBe("line 1\nline 2\nline 3\n");
    expect(await lines("sub1", "--tail", "2")).toBe("line 2\nline 3\n");
    expect((await lines("--tail", "1")).split("\n").sort().join()).toBe(
      ",main1 | line 3,sub1  | line 3,sub2  | line 3",
    );
    const json = (await lines("main1", "--json"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(json.map(({ host, stream, text }) => `${host} ${stream} ${text}`)).toEqual([
      ...["main1 stderr first", "main1 stdout line 1", "main1 stdout line 2", "main1 stdout line 3"],
    ]);
    expect(await lines("main1", "--since", json[2].time)).toBe("line 2\nline 3\n");
    expect(await lines("main1", "--since", "1h")).toBe("line 1\nline 2\nline 3\n");
    expect(await lines("main1", "--timestamps", "--tail", "1")).toBe(`${json[3].time} line 3\n`);
    await end(session);
  });

  test("of a node that is away: one line says so, the others' output comes, and all of it once it is back", async () => {
    const { agents } = await cluster();
    const session = await three("echo hello; exec sleep inf");
    await end(session);
    const away = containerOf(session, "sub2").node!;
    const agent = agents.find(({ host }) => host.name === away)!;
    await agent.kill("SIGTERM");
    const status = async () => (await request<{ status: string }>("GET", `/v1/nodes/${away}`)).body.status;
    await expect.poll(status, { timeout: 20_000 }).toBe("disconnected");
    const without = await skein(["logs", session.id]);
    expect(without.stdout.toString().split("\n").sort()).toEqual(["", "main1 | hello", "sub1  | hello"]);
    expect(without.stderr.match(/cannot be read now/g)).toHaveLength(1);
    await agent.start();
    const all = await skein(["logs", session.id]);
    expect(all.stdout.toString().split("\n").sort()).toEqual([
      "",
      "main1 | hello",
      "sub1  | hello",
      "sub2  | hello",
    ]);
    expect(all.stderr).toBe("");
  });
});
