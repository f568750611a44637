/** A chaos run on a cluster: load and faults at the same time, then calm, then a check of everything. */
import { setTimeout as pause } from "node:timers/promises";
import type { Session } from "../../sdk/index.ts";
import { cidrsOverlap, formatAddress, parseCidr } from "../../shared/network/ipv4.ts";
import type { Cluster, ClusterOptions } from "../lab/cluster.ts";
import { lasting, load, persistently, talker } from "./load.ts";
import { type Proof, prove } from "./prove.ts";
import { randomFrom } from "./random.ts";
import { remains, tunnels } from "./remains.ts";
import { storm } from "./storm.ts";
import { type StreamFigures, Streams } from "./streams.ts";

/** The cluster's options for a run: disks that can be filled, and nodes that allow what the load requests. */
export const CHAOS_CLUSTER: ClusterOptions = {
  hosts: 3,
  smallDisks: true,
  agentFlags: ["--allow", "host-network"],
};

/** Milliseconds for everything to settle, or to be gone, after the last fault. */
const SETTLE = 90_000;
const isOver = ({ status }: Session) => status === "failed" || status === "terminated";

export interface Figures extends Omit<Proof, "sessions"> {
  /** How often each fault struck. */
  faults: Record<string, number>;
  /** Number of sessions by status, after the faults had stopped and all had settled. */
  sessions: Record<string, number>;
  /** Milliseconds that ending the remaining sessions took. */
  ended: number;
  streams: StreamFigures;
  /** The reasons of failed sessions, without names and numbers. */
  reasons: Record<string, number>;
}

export interface ChaosOptions {
  seconds: number;
  seed: number;
  /** Whether to wait until tunnels without streams are closed: a minute. */
  untilIdle: boolean;
  say: (line: string) => void;
}

export async function chaos(
  cluster: Cluster,
  { seconds, seed, untilIdle, say }: ChaosOptions,
): Promise<Figures> {
  const { skein } = cluster;
  const first = await trial(cluster);
  // Streams and readers have it from the first fault on.
  const early = await cluster.create(talker(randomFrom(seed)));
  const until = Date.now() + seconds * 1_000;
  const streams = new Streams(cluster, (nth) => randomFrom(seed + 1_000_000 * (nth + 1)), until);
  const [struck, made] = await Promise.all([
    storm(cluster, randomFrom(seed), until, say),
    load(skein, (nth) => randomFrom(seed + 1_000 * (nth + 1)), until),
  ]);
  say("calm");
  made.push(early.id);
  // Few or no sessions may have survived, so these give the check something to try.
  made.push(...(await lasting(skein, randomFrom(seed))));

  const { sessions, ...proof } = await prove(cluster, made, SETTLE);
  const { problems } = proof;
  const known = new Set([first.id, ...made]);
  for (const { id, name } of await everySession(cluster))
    if (!known.has(id)) problems.push(`${id} (${name}) was never made`);

  await streams.leave();
  problems.push(...(await remains(cluster)).map((what) => `left: ${what}`));

  await Promise.all(made.map((id) => skein.endSession({ path: { id } })));
  const [over, ended] = await untilAll(cluster, made, isOver);
  for (const { id, status, reason } of over.filter((each) => !isOver(each)))
    problems.push(`does not end: ${id} is ${status}: ${reason}`);
  await streams.readToEnd(SETTLE);
  problems.push(...streams.problems);
  // Only now: readers of output keep tunnels open.
  if (untilIdle) problems.push(...(await tunnels(cluster)).map((what) => `left: ${what}`));
  problems.push(...(await leaks(cluster, first)));
  return {
    faults: Object.fromEntries([...struck].sort()),
    sessions: countOf(sessions.map(({ status }) => status)),
    ended,
    streams: streams.figures,
    reasons: countOf(
      over.filter(({ status }) => status === "failed").map(({ reason }) => plain(reason ?? "")),
    ),
    ...proof,
  };
}

/** All sessions once each fits, or as they are when time is up; and how many milliseconds it took. */
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

/** What is left on the hosts, and in the API's reservations. */
async function leaks(cluster: Cluster, first: Session): Promise<string[]> {
  const found = (await cluster.leftovers()).map((what) => `left: ${what}`);
  const { items } = await cluster.skein.listNodes();
  for (const { name, status, allocated } of items) {
    if (status !== "ready") found.push(`${name} is ${status}`);
    if (Object.values(allocated).some((amount) => amount !== 0))
      found.push(`${name} has ${JSON.stringify(allocated)} allocated`);
  }
  const next = await trial(cluster);
  if (next.status !== "running") found.push(`a new session is ${next.status}: ${next.reason}`);
  // An engine may refuse a subnet that it lists no network in. Then its agent reports it as used.
  const used = items.flatMap(({ facts }) => facts.usedSubnets);
  const { subnet, vni } = first.network!;
  const free = blocksFrom(subnet).find((block) => !used.some((each) => cidrsOverlap(each, block)));
  if (next.network?.subnet !== free)
    found.push(`a new session's subnet is ${next.network?.subnet}, not ${free}`);
  if (next.network?.vni !== vni) found.push(`a new session's VNI is ${next.network?.vni}, not ${vni}`);
  return found;
}

/** Makes a session over all nodes and ends it. With no other session it gets the fleet's first free subnet and VNI. */
async function trial(cluster: Cluster): Promise<Session> {
  const session = await cluster.create({
    image: "skein/busybox:1",
    clusterMode: "multi-node",
    clusterSize: 3,
    resources: { cpu: 0.1 },
  });
  await cluster.end(session);
  return session;
}

/** This /24, and the 255 after it. */
function blocksFrom(subnet: string): string[] {
  const { first } = parseCidr(subnet)!;
  return Array.from({ length: 256 }, (_, n) => `${formatAddress(first + 256 * n)}/24`);
}

function countOf(words: readonly string[]): Record<string, number> {
  const count: Record<string, number> = {};
  for (const word of words) count[word] = (count[word] ?? 0) + 1;
  return count;
}

function plain(reason: string): string {
  return reason.replace(/[0-9a-f]{12,}|\d+(\.\d+)*/g, "#").slice(0, 160);
}
