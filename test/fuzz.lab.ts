/** Fuzzed assignments for a real agent on a real engine: it survives, touches nothing of others, and leaves nothing behind. */
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LABELS } from "../shared/names.ts";
import { ApiMessage, type Assignment } from "../shared/protocol.ts";
import { assignFor, moves, refusedFrames } from "./fuzz/assignments.ts";
import { type Lab, startLab } from "./lab/lab.ts";
import { leftovers } from "./lab/leftovers.ts";
import { CLIENT, idle } from "./support/agent-lab.ts";
import { AgentProcess } from "./support/agent-process.ts";
import { Control } from "./support/control.ts";

const SEED = 5;
const BATCHES = 15;
/** In each batch; most are said more than once. */
const MOVES = 80;
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

  const planned = [idle(1), idle(2), idle(2, { clusterMode: "multi-node" }), idle(1)].map(
    (request, at) => control.plan(request, { id: `ses_fuzz${at}` }).assignments.get(NODE)!,
  );
  let frames = 0;
  for (const batch of Array.from({ length: BATCHES }, (_, at) => at)) {
    for (const move of fc.sample(moves, { seed: SEED + batch, numRuns: MOVES })) {
      const assignment: Assignment = planned[move.session]!;
      const identities = control.reportOf(NODE, assignment.session)?.identities ?? [];
      const frame = assignFor(move, assignment, identities);
      for (let said = 0; said < move.times; said++, frames++) say(frame);
      // Lets it get somewhere before the next word, now and then.
      if (move.times === 5) await heardOf(assignment.session);
    }
    say(welcome);
    await expect
      .poll(async () => [gone, (await leftovers([agent])).filter((line) => !line.includes("bystander"))], {
        timeout: 90_000,
        interval: 500,
      })
      .toEqual([false, []]);
    expect(await surroundings()).toEqual(before);
  }
  expect(frames).toBeGreaterThan(2000);
  // It reaches what it is about: sessions get as far as they can, and break off in many ways.
  const heard = control.reports.map(({ report }) => report);
  const tally = (all: string[]) => Object.fromEntries(all.map((each) => [each, all.filter((one) => one === each).length]));
  console.log(frames, heard.length, tally(heard.map(({ phase }) => phase)), tally(heard.flatMap(({ failure }) => failure?.code ?? [])), [...new Set(heard.flatMap(({ failure }) => failure?.message.slice(0, 140) ?? []))].join("\n"));

  const right = assignFor(
    { session: 0, phase: "prepared", epoch: 1, change: 0, times: 1, strangersKeys: false },
    planned[0]!,
    [],
  );
  expect(ApiMessage.safeParse(right).success).toBe(true);
  for (const frame of refusedFrames(right)) {
    const { socket } = control.nodes.get(NODE)!;
    say(frame);
    await control.until(() => {
      const now = control.nodes.get(NODE)!.socket;
      return now !== undefined && now !== socket;
    });
  }
  expect(await surroundings()).toEqual(before);

  const session = await control.run(idle(2));
  await control.remove(session);
  expect(agent.log).not.toMatch(/unhandled|uncaught/i);
}, 900_000);

/** Resolves with the next word of a session, at the latest after a second: some frames are nothing to speak of. */
async function heardOf(session: string): Promise<void> {
  const { length } = control.reports;
  await Promise.race([
    control.until(() => control.reports.slice(length).some(({ report }) => report.session === session)),
    new Promise((resolve) => setTimeout(resolve, 1000)),
  ]);
}
