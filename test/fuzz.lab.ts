/** Fuzzed assignments for a real agent on a real engine: it survives, touches nothing that is not its own, and leaves nothing behind. */
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SessionKeys } from "../shared/protocol/assignment.ts";
import { LABELS } from "../shared/protocol/names.ts";
import { PROTOCOL } from "../shared/protocol/protocol.ts";
import {
  assignFor,
  CHANGES,
  type Change,
  refusedFrames,
  type Scenario,
  type Sent,
  type Step,
  scenario,
} from "./fuzz/assignments.ts";
import { type Lab, startLab } from "./lab/lab.ts";
import { leftovers } from "./lab/leftovers.ts";
import { CLIENT, idle } from "./support/agent-lab.ts";
import { AgentProcess } from "./support/agent-process.ts";
import { assignOf, Control } from "./support/control.ts";

const SEED = 5;
/** Sessions that are fuzzed at once. */
const AT_ONCE = 10;
const NODE = "node_node1";

let lab: Lab;
let control: Control;
let agent: AgentProcess;

beforeAll(async () => {
  lab = await startLab({ hosts: 1 });
  control = await Control.listen(CLIENT);
  agent = new AgentProcess(lab.hosts[0]!, control.url).start();
  await control.connected(1);
});

afterAll(async () => {
  await agent.kill("SIGTERM");
  await control.close();
  await lab.close();
});

/** Sends on the node's link, once it is up: an overloaded engine takes its node off the link for a while. */
async function say(frame: object): Promise<void> {
  const socket = await control.until(() => control.nodes.get(NODE)!.socket);
  socket.send(JSON.stringify(frame));
}
const welcome = { type: "welcome", protocol: PROTOCOL.max, connection: 1, assignments: [] };

/** State that must not change: others' containers and networks, and the names in and around the agent's directory. */
async function surroundings(): Promise<object> {
  const { docker } = agent.host;
  const [containers, networks] = await Promise.all([
    docker.listContainers({ all: true }),
    docker.listNetworks(),
  ]);
  return {
    containers: containers.map(({ Id, State }) => [Id, State]).sort(),
    networks: networks.map(({ Id }) => Id).sort(),
    files: [agent.stateDir, dirname(agent.stateDir)].map((dir) => readdirSync(dir).sort()),
  };
}

test("assignments that no planner would make: the agent goes on, foreign objects stay, its own are removed", async () => {
  const { docker } = agent.host;
  const bystanders = [
    {},
    // Objects of another node's agent on the same engine, and of a session of the same name.
    { [LABELS.fleet]: control.fleet, [LABELS.node]: "node_other", [LABELS.session]: "ses_fuzz0" },
  ];
  for (const [at, Labels] of bystanders.entries()) {
    const made = await docker.createContainer({
      ...{ name: `bystander${at}`, Image: "skein/busybox:1", Cmd: ["sleep", "100000"], Labels },
    });
    await made.start();
  }
  await docker.createNetwork({ Name: "bystander", Labels: bystanders[1]! });
  const before = await surroundings();
  let gone = false;
  void agent.exited.then(() => {
    gone = true;
  });
  /** Creations under way still finish before their removal. */
  const untilAsBefore = () =>
    expect
      .poll(
        async () => {
          const left = (await leftovers([agent])).filter((line) => !line.includes("bystander"));
          return { ...(await surroundings()), left, gone };
        },
        { timeout: 90_000, interval: 500 },
      )
      .toEqual({ ...before, left: [], gone: false });

  const scenarios = fc.sample(scenario, { seed: SEED, numRuns: CHANGES.length });
  let frames = 0;
  for (let from = 0; from < CHANGES.length; from += AT_ONCE) {
    const played = await Promise.all(
      CHANGES.slice(from, from + AT_ONCE).map((change, at) =>
        play(scenarios[from + at]!, change, `ses_fuzz${from + at}`),
      ),
    );
    frames += played.reduce((sum, each) => sum + each, 0);
    control.nodes.get(NODE)!.desired.clear();
    await say(welcome);
    await untilAsBefore();
  }
  expect(frames).toBeGreaterThan(1000);
  // The run reaches its target: sessions get as far as they can, and break off in many ways.
  const heard = control.reports.map(({ report }) => report);
  const phases = new Set(heard.map(({ phase }) => phase));
  expect([...phases].sort()).toEqual(["none", "prepared", "removed", "running", "started"]);
  const codes = new Set(heard.flatMap(({ failure }) => failure?.code ?? []));
  expect([...codes]).toEqual(expect.arrayContaining(["create", "internal"]));

  const right = planned("ses_refused");
  // Each refusal ends the link, and the next welcome must not repeat the refused assignment.
  control.nodes.get(NODE)!.desired.clear();
  for (const frame of refusedFrames("ses_refused", right)) {
    const { socket } = control.nodes.get(NODE)!;
    await say(frame);
    await control.until(() => {
      const now = control.nodes.get(NODE)!.socket;
      return now !== undefined && now !== socket;
    });
  }
  await untilAsBefore();

  const session = await control.run(idle(2));
  await control.remove(session);
  await untilAsBefore();
  expect(agent.log).not.toMatch(/unhandled|uncaught/i);
}, 900_000);

/** Plans a session of two on its own subnet, without sending it. */
function planned(id: string): Sent {
  const session = control.plan(idle(2, { clusterMode: "multi-node" }), { id });
  // Later plans must not use its subnet.
  control.nodes.get(NODE)!.desired.set(id, assignOf(session, NODE, "prepared"));
  return { layout: session.layout, part: session.parts.get(NODE)! };
}

/** Sends all frames, and returns their number. */
async function play({ steps, strangersKeys }: Scenario, change: Change, session: string): Promise<number> {
  const sent = planned(session);
  let frames = 0;
  for (const step of steps) {
    const frame = assignFor(step, session, sent, change, strangersKeys ? [] : keysOf(session));
    for (let said = 0; said < step.times; said++, frames++) await say(frame);
    if (step.settles) await settled(session, step);
  }
  return frames;
}

/** The identities that the node reported last. */
function keysOf(session: string): SessionKeys {
  const told = control.reports.findLast(
    ({ report }) => report.session === session && report.identities?.length,
  );
  return (told?.report.identities ?? []).map(({ user, hostKey, userKey }) => [user, hostKey, userKey]);
}

/** Resolves when the step is done or has failed, or after a few seconds: a late frame gets no report. */
async function settled(session: string, { epoch, phase }: Step): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    control.until(() => {
      const report = control.reportOf(NODE, session);
      return report?.epoch === epoch && (report.phase === phase || report.failure !== undefined);
    }),
    new Promise((resolve) => {
      timer = setTimeout(resolve, 4000);
    }),
  ]);
  clearTimeout(timer);
}
