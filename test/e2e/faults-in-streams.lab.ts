/**
 * A node's cable, the API or an agent fails in the middle of streams. Output and events go on without gap or repeat; a command or a
 * connection ends with a reason. Nothing of it stays open.
 */
import { connect, type Socket } from "node:net";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import type { Agent } from "../lab/cluster.ts";
import { type Command, skein, start } from "./cli.ts";
import { cluster, connections, containerOf, dockerOf, get, sh } from "./skein.ts";

/** Prints 1, 2, 3, … until /tmp/stop is there. */
const COUNT = "i=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); echo $i; sleep 0.02; done";
/** Does the same for each connection to its port. */
const SERVE = `
import itertools, socket, threading, time
listener = socket.create_server(("127.0.0.1", 7000))
def count(peer):
    try:
        for i in itertools.count(1):
            peer.sendall(b"%d\\n" % i)
            time.sleep(0.02)
    except OSError:
        pass
while True:
    threading.Thread(target=count, args=[listener.accept()[0]], daemon=True).start()
`;
const JOB = `python3 -c '${SERVE}' & ${COUNT}; kill $!`;

/** What a user may wait for word of a fault. */
const WORD_MS = 30_000;

let session: SessionView;
let agent: Agent;
/** Connections to the API before all this. */
let connected: Record<string, number>;
/** What goes on over all faults. */
let lasting: { run: Command; logs: Command; events: Command; project: Command };

beforeAll(async () => {
  connected = await connections();
  const size = ["--size", "2", "--mode", "multi-node"];
  const run = await start([
    ...["run", "--image", "skein/debian:12", "--name", "counts", ...size],
    ...["--", "sh", "-c", JOB],
  ]);
  await vi.waitFor(() => expect(numbers(run.stdout()).length).toBeGreaterThan(0), 60_000);
  const [logs, events, project] = await Promise.all([
    start(["logs", "-f", "counts", "main1"]),
    start(["events", "counts", "--json"]),
    start(["events", "--tail", "0", "--json"]),
  ]);
  lasting = { run, logs, events, project };
  session = await get("counts");
  const { agents } = await cluster();
  agent = agents.find(({ name }) => name === containerOf(session, "main1").node)!;
});

/** The complete lines, as numbers. */
function numbers(printed: Buffer): number[] {
  return printed.toString().split("\n").slice(0, -1).map(Number);
}

const oneTo = (most: number) => Array.from({ length: most }, (_, at) => at + 1);

/** Commands in main1, but for those that come and go. */
async function processes(): Promise<string[]> {
  const docker = await dockerOf(session, "main1");
  const { Titles, Processes } = await docker
    .getContainer(containerOf(session, "main1").containerId!)
    .top({ ps_args: "-eo pid,args" });
  const at = Titles.indexOf("COMMAND");
  return Processes.map((each: string[]) => each[at]!)
    .filter((command: string) => !command.startsWith("sleep"))
    .sort();
}

interface Broken {
  exec: Command;
  idle: Command;
  forward: Command;
  connection: { socket: Socket; received(): Buffer; over: Promise<unknown> };
}

/** Commands and a connection, all of which do something. */
async function startOthers(): Promise<Broken> {
  const [exec, idle, forward] = await Promise.all([
    start(["exec", "counts", "--", "sh", "-c", COUNT]),
    start(["exec", "counts", "--", "sh", "-c", "echo idle; cat"]),
    start(["forward", "counts", "7000", "0"]),
  ]);
  await expect
    .poll(() => forward.stdout().toString(), { timeout: 20_000 })
    .toMatch(/^127\.0\.0\.1:\d+ leads/);
  const port = /:(\d+) leads/.exec(forward.stdout().toString())![1];
  const socket = connect(Number(port), "127.0.0.1");
  const received: Buffer[] = [];
  socket.on("data", (chunk) => received.push(chunk)).on("error", () => {});
  const over = new Promise((resolve) => socket.once("close", resolve));
  const connection = { socket, received: () => Buffer.concat(received), over };
  for (const printed of [exec.stdout, connection.received])
    await expect.poll(() => numbers(printed()).length, { timeout: 20_000 }).toBeGreaterThan(3);
  await expect.poll(() => idle.stdout().toString(), { timeout: 20_000 }).toBe("idle\n");
  return { exec, idle, forward, connection };
}

/** ms from now until it is so. */
async function timed(what: Promise<unknown>): Promise<number> {
  const before = performance.now();
  await what;
  return Math.round(performance.now() - before);
}

interface Fault {
  what: string;
  begin(): Promise<void>;
  end(): Promise<void>;
  /** What `run` and `logs` say of it. */
  word: RegExp;
  /** Whether events stop, too. */
  stopsEvents: boolean;
}

const away = /the logs of node \S+ cannot be read now \(.*\): they go on here once it is back/;

const FAULTS: Fault[] = [
  {
    what: "the API, killed",
    begin: async () => (await cluster()).api.kill("SIGKILL"),
    end: async () => (await cluster()).api.start(),
    word: /no answer from the API/,
    stopsEvents: true,
  },
  {
    what: "the node's agent, killed",
    begin: () => agent.kill("SIGKILL"),
    end: () => agent.start(),
    word: away,
    stopsEvents: false,
  },
  {
    what: "the node's cable, pulled",
    begin: () => agent.host.linkDown(),
    end: () => agent.host.linkUp(),
    word: away,
    stopsEvents: false,
  },
];

describe.each(FAULTS)("$what", ({ what, begin, end, word, stopsEvents }) => {
  test("ends commands and connections with a reason; output goes on; nothing stays open", async () => {
    const { run, logs, events, project } = lasting;
    const before = await processes();
    const { exec, idle, forward, connection } = await startOthers();
    const said = [run, logs, ...(stopsEvents ? [events, project] : [])];
    const from = said.map((each) => each.stderr().length);
    onTestFinished(() => void connection.socket.destroy());
    let missed = 0;
    await begin();
    const told = (each: Command, at: number) =>
      vi.waitFor(() => expect(each.stderr().slice(from[at])).toMatch(word), 2 * WORD_MS);
    const until = [
      ...[exec.ended, idle.ended, forward.ended, connection.over].map(timed),
      ...said.map((each, at) => timed(told(each, at))),
    ];
    const times = await Promise.all(until).finally(async () => {
      missed = numbers(logs.stdout()).length;
      await end();
    });
    console.log(`${what}: exec, idle exec, forward, its connection, run, logs, …: ${times.join(", ")} ms`);
    expect(Math.max(...times)).toBeLessThan(WORD_MS);
    for (const each of [exec, idle, forward]) {
      const { code, stderr } = await each.ended;
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^skein: \S.*\n/)]);
    }
    for (const printed of [exec.stdout(), connection.received()])
      expect(numbers(printed)).toEqual(oneTo(numbers(printed).length));

    for (const each of [run, logs]) {
      await expect
        .poll(() => numbers(each.stdout()).length, { timeout: 60_000 })
        .toBeGreaterThan(missed + 20);
    }
    const more = async () => (await processes()).filter((each) => !before.includes(each));
    await expect.poll(more, { timeout: 30_000, interval: 200 }).toEqual([]);
  });
});

test("after all that, output and events are complete, and nothing stays open", async () => {
  const { run, logs, events, project } = lasting;
  await sh(session, "main1", "touch /tmp/stop");
  const [ran, logged, told] = await Promise.all([run.ended, logs.ended, events.ended]);
  expect([ran.code, logged.code, told.code]).toEqual([0, 0, 0]);
  const count = numbers(ran.stdout).length;
  expect(numbers(ran.stdout)).toEqual(oneTo(count));
  expect(logged.stdout.equals(ran.stdout)).toBe(true);
  expect((await skein(["logs", "counts", "main1"])).stdout.equals(ran.stdout)).toBe(true);

  const eventsOf = (printed: Buffer) =>
    printed
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string; event: string; status: string });
  const own = eventsOf(told.stdout);
  expect(own.map(({ id }) => Number(id))).toEqual(oneTo(own.length));
  expect(own.at(-1)).toMatchObject({ event: "session", status: "terminated" });
  await expect.poll(() => eventsOf(project.stdout()).at(-1)?.status).toBe("terminated");
  const ids = eventsOf(project.stdout()).map(({ id }) => Number(id));
  expect(ids).toEqual(ids.map((_, at) => ids[0]! + at));
  project.signal("SIGINT");
  await project.ended;

  const { api, leftovers } = await cluster();
  expect(await leftovers()).toEqual([]);
  // The session's tunnel may stay for a minute, in case somebody reads its logs.
  const most = { ...connected, [agent.name]: connected[agent.name]! + 1 };
  const tooMany = async () =>
    Object.entries(await connections()).filter(([name, count]) => count > most[name]!);
  await expect.poll(tooMany, { timeout: 20_000 }).toEqual([]);
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
});
