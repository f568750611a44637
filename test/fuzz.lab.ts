/** Fuzzed assignments for a real agent on a real engine: it survives, touches nothing of others, and leaves nothing behind. */
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LABELS } from "../shared/protocol/names.ts";
import type { Assignment } from "../shared/protocol/protocol.ts";
import {
  assignFor,
  CHANGES,
  type Change,
  refusedFrames,
  type Scenario,
  type Step,
  scenario,
} from "./fuzz/assignments.ts";
import { type Lab, startLab } from "./lab/lab.ts";
import { leftovers } from "./lab/leftovers.ts";
import { CLIENT, idle } from "./support/agent-lab.ts";
import { AgentProcess } from "./support/agent-process.ts";
import { Control } from "./support/control.ts";
import { identityOf } from "./support/node.ts";

const SEED = 5;
/** How many sessions are fuzzed at once. */
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

const say = (frame: object) => control.nodes.get(NODE)!.socket!.send(JSON.stringify(frame));
const welcome = { type: "welcome", protocol: 1, connection: 1, assignments: [] };

/** What must be the same before and after: others' containers and networks, and the names in and around the agent's directory. */
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

test("assignments that no planner would make: the agent goes on, others' things stay, nothing of its own does", async () => {
  const { docker } = agent.host;
  const bystanders = [
    {},
    // Of another node's agent on the same engine, and of a session of the same name.
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
  /** What is under way still comes up before it goes. */
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
        play(scenarios[from + at]!, change, planned(`ses_fuzz${from + at}`)),
      ),
    );
    frames += played.reduce((sum, each) => sum + each, 0);
    control.nodes.get(NODE)!.desired.clear();
    say(welcome);
    await untilAsBefore();
  }
  expect(frames).toBeGreaterThan(1000);
  // It reaches what it is about: sessions get as far as they can, and break off in many ways.
  const heard = control.reports.map(({ report }) => report);
  const phases = new Set(heard.map(({ phase }) => phase));
  expect([...phases].sort()).toEqual(["none", "prepared", "removed", "running", "started"]);
  const codes = new Set(heard.flatMap(({ failure }) => failure?.code ?? []));
  expect([...codes]).toEqual(expect.arrayContaining(["create", "internal"]));

  const [first] = scenarios[0]!.steps;
  const right = assignFor(first!, CHANGES[0]!, planned("ses_refused"), []);
  // Each refusal ends the link, and a welcome is not to ask for what was refused.
  control.nodes.get(NODE)!.desired.clear();
  for (const frame of refusedFrames(right)) {
    const { socket } = control.nodes.get(NODE)!;
    say(frame);
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

/** Plans a session of two on a subnet of its own; nothing is told yet. */
function planned(id: string): Assignment {
  const { assignments } = control.plan(idle(2, { clusterMode: "multi-node" }), { id });
  const assignment = assignments.get(NODE)!;
  // What is planned next has to leave its subnet alone.
  control.nodes
    .get(NODE)!
    .desired.set(id, { type: "assign", session: id, epoch: 1, phase: "prepared", assignment });
  return assignment;
}

/** Says all of it; how many frames that were. */
async function play(
  { steps, strangersKeys }: Scenario,
  change: Change,
  assignment: Assignment,
): Promise<number> {
  const { session, members } = assignment;
  let frames = 0;
  for (const step of steps) {
    const identities = strangersKeys
      ? members.map(({ host }) => identityOf(host))
      : (control.reportOf(NODE, session)?.identities ?? []);
    const frame = assignFor(step, change, assignment, identities);
    for (let said = 0; said < step.times; said++, frames++) say(frame);
    if (step.settles) await settled(session, step);
  }
  return frames;
}

/** Resolves when the step is done or has failed; at the latest after some seconds, since of a late word nothing is said. */
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
