/** A chaos run on a cluster: load and faults at the same time, then calm, then everything is looked at. */
import { setTimeout as pause } from "node:timers/promises";
import type { Session } from "../../sdk/index.ts";
import { cidrsOverlap } from "../../shared/network/ipv4.ts";
import type { Cluster, ClusterOptions } from "../lab/cluster.ts";
import { lasting, load, persistently } from "./load.ts";
import { type Proof, prove } from "./prove.ts";
import { randomFrom } from "./random.ts";
import { storm } from "./storm.ts";

/** What it needs of a cluster: disks that can be filled, and nodes that allow what the load asks for. */
export const CHAOS_CLUSTER: ClusterOptions = {
  hosts: 3,
  smallDisks: true,
  agentFlags: ["--allow", "host-network"],
};

/** Milliseconds within which all must be settled, or gone, once there are no more faults. */
const SETTLE = 90_000;
const isOver = ({ status }: Session) => status === "failed" || status === "terminated";

export interface Figures extends Omit<Proof, "sessions"> {
  /** How often each fault struck. */
  faults: Record<string, number>;
  /** Sessions made, by how they stood when the faults had stopped and all had settled. */
  sessions: Record<string, number>;
  /** Milliseconds that the ending of those that were left took. */
  ended: number;
  /** Why each failed session failed, without its own names and numbers. */
  reasons: Record<string, number>;
}

export interface ChaosOptions {
  seconds: number;
  seed: number;
  say: (line: string) => void;
}

export async function chaos(cluster: Cluster, { seconds, seed, say }: ChaosOptions): Promise<Figures> {
  const { skein } = cluster;
  const until = Date.now() + seconds * 1_000;
  const [struck, made] = await Promise.all([
    storm(cluster, randomFrom(seed), until, say),
    load(skein, (nth) => randomFrom(seed + 1_000 * (nth + 1)), until),
  ]);
  say("calm");
  // What lived through it may be little, or nothing: so that something is tried.
  made.push(...(await lasting(skein, randomFrom(seed))));

  const { sessions, ...proof } = await prove(cluster, made, SETTLE);
  const { problems } = proof;
  const listed = await everySession(cluster);
  for (const { id, name } of listed) if (!made.includes(id)) problems.push(`nobody made ${id} (${name})`);

  await Promise.all(made.map((id) => skein.endSession({ path: { id } })));
  const [over, ended] = await untilAll(cluster, made, isOver);
  for (const { id, status, reason } of over.filter((each) => !isOver(each)))
    problems.push(`does not end: ${id} is ${status}: ${reason}`);
  problems.push(...(await leaks(cluster)));
  return {
    faults: Object.fromEntries([...struck].sort()),
    sessions: countOf(sessions.map(({ status }) => status)),
    ended,
    reasons: countOf(
      over.filter(({ status }) => status === "failed").map(({ reason }) => plain(reason ?? "")),
    ),
    ...proof,
  };
}

/** All of them, when each is so, or as they are when time is up; and how many milliseconds it took. */
async function untilAll(
  { skein }: Cluster,
  ids: readonly string[],
  isDone: (session: Session) => boolean,
): Promise<[Session[], number]> {
  const began = Date.now();
  for (;;) {
    const sessions = await Promise.all(
      ids.map((id) => persistently((signal) => skein.getSession({ path: { id }, signal }))),
    );
    const took = Date.now() - began;
    if (took > SETTLE || sessions.every(isDone)) return [sessions, took];
    await pause(250);
  }
}

async function everySession({ skein }: Cluster): Promise<{ id: string; name: string }[]> {
  const all: { id: string; name: string }[] = [];
  let cursor: string | undefined;
  do {
    const page = await skein.listSessions({ query: { limit: 200, ...(cursor ? { cursor } : {}) } });
    all.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return all;
}

/** What is left on the hosts, and in the API's books. */
async function leaks(cluster: Cluster): Promise<string[]> {
  const found = (await cluster.leftovers()).map((what) => `left: ${what}`);
  const { items } = await cluster.skein.listNodes();
  for (const { name, status, allocated } of items) {
    if (status !== "ready") found.push(`${name} is ${status}`);
    if (Object.values(allocated).some((amount) => amount !== 0))
      found.push(`${name} has ${JSON.stringify(allocated)} allocated`);
  }
  const next = await cluster.create({
    image: "skein/busybox:1",
    clusterMode: "multi-node",
    clusterSize: 3,
    resources: { cpu: 0.1 },
  });
  if (next.status !== "running") found.push(`a new session is ${next.status}: ${next.reason}`);
  // An engine may refuse one that it lists no network in: then its agent says so.
  const used = items.flatMap(({ facts }) => facts.usedSubnets);
  const first = Array.from({ length: 256 }, (_, n) => `10.64.${n}.0/24`).find(
    (subnet) => !used.some((each) => cidrsOverlap(each, subnet)),
  );
  if (next.network?.subnet !== first)
    found.push(`a new session's subnet is ${next.network?.subnet}, not ${first}`);
  if (next.network?.vni !== 0x800000)
    found.push(`a new session's VNI is ${next.network?.vni}, not the first`);
  await cluster.end(next);
  return found;
}

function countOf(words: readonly string[]): Record<string, number> {
  const count: Record<string, number> = {};
  for (const word of words) count[word] = (count[word] ?? 0) + 1;
  return count;
}

function plain(reason: string): string {
  return reason.replace(/[0-9a-f]{12,}|\d+(\.\d+)*/g, "#").slice(0, 160);
}
