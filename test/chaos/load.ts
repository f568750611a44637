/** The load: sessions of all kinds, made and ended without pause. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ApiProblem, type Session, type SessionRequest, type Skein } from "../../sdk/index.ts";
import type { Random } from "./random.ts";

/** Most live sessions. */
const ALIVE = 6;
/** Milliseconds to wait for an answer: the API may die before it sends one. */
const PATIENCE = 5_000;

const DEBIAN = "skein/debian:12";
const BUSYBOX = "skein/busybox:1";
const exits = (code: number) => ["sh", "-c", `sleep 1; exit ${code}`];

type Kind = (random: Random) => SessionRequest;

/** How the names of sessions begin whose containers print numbered lines, and echo at a port. */
export const TALKER = "talker-";
export const ECHO_PORT = 7777;
/** The kit's own programs are in any image. */
const KIT = "/.skein/kit/bin";
const TALKS = `${KIT}/busybox nc -ll 127.0.0.1 -p ${ECHO_PORT} -e ${KIT}/busybox cat &
n=0; while :; do n=$((n + 1)); echo $n; ${KIT}/busybox usleep 50000; done`;
export const talker: Kind = (random) => ({
  name: `${TALKER}${random.between(0, 1_000_000_000)}`,
  image: random.pick([DEBIAN, BUSYBOX]),
  clusterMode: "multi-node",
  clusterSize: 2,
  command: ["sh", "-c", TALKS],
});

/** They run until they are ended. */
const LASTING: readonly Kind[] = [
  (random) => ({ image: DEBIAN, clusterSize: random.between(1, 3) }),
  (random) => ({ image: DEBIAN, clusterMode: "multi-node", clusterSize: random.between(2, 5) }),
  (random) => ({ image: BUSYBOX, clusterMode: "multi-node", clusterSize: random.between(3, 6) }),
  () => ({
    clusterMode: "multi-node",
    image: DEBIAN,
    network: { egress: false },
    roles: [
      { name: "main", replicas: 1 },
      { name: "worker", replicas: 2, image: BUSYBOX },
    ],
  }),
  () => ({
    clusterMode: "multi-node",
    image: DEBIAN,
    roles: [
      { name: "main", replicas: 2, hostNetwork: true },
      { name: "worker", replicas: 1 },
    ],
  }),
  (random) => ({
    image: DEBIAN,
    clusterMode: "multi-node",
    clusterSize: random.between(2, 4),
    onExit: "restart",
    maxRestarts: 20,
    retries: 2,
  }),
  talker,
];

const KINDS: readonly Kind[] = [
  ...LASTING,
  (random) => ({ image: BUSYBOX, clusterSize: 2, command: exits(random.pick([0, 3])) }),
  (random) => ({
    image: BUSYBOX,
    clusterMode: "multi-node",
    clusterSize: 3,
    command: exits(random.pick([0, 3])),
  }),
  () => ({ image: "skein/no-such-image:0", clusterMode: "multi-node", clusterSize: 2 }),
  () => ({ image: BUSYBOX, clusterSize: 2, command: exits(3), onExit: "restart", maxRestarts: 2 }),
];

/** Milliseconds from settled to the request to end it; for a hasty one, from the request to create it. */
const LIVES: Record<"hasty" | "short" | "long", readonly [number, number]> = {
  hasty: [0, 700],
  short: [500, 6_000],
  long: [20_000, 60_000],
};

const OVER: readonly Session["status"][] = ["failed", "terminated"];

/** Retries until the API answers, whatever happens to it meanwhile. */
export async function persistently<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask(AbortSignal.timeout(PATIENCE));
    } catch (error) {
      if (error instanceof ApiProblem && error.problem.status < 500) throw error;
      await pause(100);
    }
  }
}

/** Makes one of each kind that lasts, and returns their ids. */
export async function lasting(skein: Skein, random: Random): Promise<string[]> {
  const asked = LASTING.map((kind) => {
    const request = { body: kind(random), headers: { "idempotency-key": randomUUID() } };
    return persistently((signal) => skein.createSession({ ...request, signal }));
  });
  return (await Promise.all(asked)).map(({ id }) => id);
}

/**
 * Goes on until `until`, and returns the ids of all sessions made. The last session of each place is requested during the last faults, and
 * left running.
 */
export async function load(skein: Skein, randoms: (nth: number) => Random, until: number): Promise<string[]> {
  const made: string[] = [];
  const goesOn = () => Date.now() < until;

  async function ask(body: SessionRequest): Promise<string> {
    const headers = { "idempotency-key": randomUUID() };
    const { id } = await persistently((signal) => skein.createSession({ body, headers, signal }));
    made.push(id);
    return id;
  }

  async function one(random: Random, kinds: readonly Kind[]): Promise<void> {
    const body = random.pick(kinds)(random);
    const temper = random.pick(["hasty", "short", "short", "long"] as const);
    const isHasty = temper === "hasty";
    const lives = random.between(...LIVES[temper]);
    const id = await ask(body);
    const get = () => persistently((signal) => skein.getSession({ path: { id }, signal }));
    if (!isHasty) await untilStatus(get, ["running", ...OVER]);
    await pause(Math.min(lives, Math.max(0, until - Date.now())));
    if (!goesOn()) return;
    await persistently((signal) => skein.endSession({ path: { id }, signal }));
    await untilStatus(get, OVER);
  }

  async function untilStatus(get: () => Promise<Session>, wanted: readonly Session["status"][]) {
    while (goesOn() && !wanted.includes((await get()).status)) await pause(100);
  }

  const places = Array.from({ length: ALIVE }, async (_, nth) => {
    const random = randoms(nth);
    // Streams and readers always find something.
    while (goesOn()) await one(random, nth === 0 ? [talker] : KINDS);
    await ask(random.pick(LASTING)(random));
  });
  await Promise.all(places);
  return made;
}
