/**
 * Time from the request to eight running containers on four hosts: Skein, Docker Swarm, and bare Docker calls take turns on the same
 * engines. `npm run bench`; `--json` for figures as JSON, `--rounds N` (default 5; one more for warm-up does not count).
 */
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startCluster } from "../test/lab/cluster.ts";
import { type Contender, HOSTS, type Marks, now } from "./ready/contender.ts";
import { EngineEvents } from "./ready/events.ts";
import { floor } from "./ready/floor.ts";
import { report } from "./ready/report.ts";
import { skein } from "./ready/skein.ts";
import { oneService, Swarm, servicePerRank } from "./ready/swarm.ts";

const { values } = parseArgs({
  options: { json: { type: "boolean", default: false }, rounds: { type: "string", default: "5" } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a whole number from 1 up");

/** Pause after each turn: agents check their node's networks two seconds after one changed. That work must not fall into the next turn. */
const SETTLE_MS = 3_000;

const cluster = await startCluster({ hosts: HOSTS });
try {
  const { hosts } = cluster.lab;
  const events = await EngineEvents.of(hosts);
  const field = { hosts, events };
  const swarm = await Swarm.of(hosts);
  const contenders = [
    skein(cluster, events),
    oneService(field, swarm),
    servicePerRank(field, swarm),
    floor(field),
  ];
  const turns = contenders.map(({ name }) => ({ name, marks: [] as Marks[], ends: [] as number[] }));
  for (let round = 0; round <= rounds; round++) {
    // Each round starts with another contender, so that none always follows the same one.
    for (let i = 0; i < contenders.length; i++) {
      const which = (i + round) % contenders.length;
      const { marks, endMs } = await turn(contenders[which]!, round, events);
      console.error(`round ${round}: ${contenders[which]!.name} ${Math.round(marks["ready"]!)} ms`);
      if (round === 0) continue;
      turns[which]!.marks.push(marks);
      turns[which]!.ends.push(endMs);
    }
  }
  await swarm.leave();
  events.close();
  await nothingIsLeft();
  console.log(report(turns, values.json));
} finally {
  await cluster.close();
}

async function turn(contender: Contender, round: number, events: EngineEvents) {
  await pause(SETTLE_MS);
  events.forget();
  const marks = await contender.bringUp(round);
  const begin = now();
  await contender.takeDown();
  return { marks, endMs: now() - begin };
}

async function nothingIsLeft(): Promise<void> {
  const left = await cluster.leftovers();
  for (const { name, docker } of cluster.lab.hosts) {
    const containers = await docker.listContainers({ all: true });
    const networks = await docker.listNetworks();
    left.push(
      ...containers.map(({ Names }) => `${name}: container ${Names[0]}`),
      ...networks
        .filter(({ Name }) => !["bridge", "host", "none"].includes(Name))
        .map(({ Name }) => `${name}: network ${Name}`),
    );
  }
  if (left.length > 0) throw new Error(`left behind:\n${left.join("\n")}`);
}
