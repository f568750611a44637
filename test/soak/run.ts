/** The soak run: a stream each second, 200 at once, readers that stop; and what of it stays in memory and descriptors. */
import { setTimeout as pause } from "node:timers/promises";
import { type Holding, holdingOf } from "../support/process-meter.ts";
import type { Field } from "./field.ts";
import { collectGarbage } from "./own-garbage.ts";
import { READERS, type Reader, roundTrip, stalled } from "./streams.ts";

export interface SoakOptions {
  /** Streams in turn, one each `everyMs`. */
  streams: number;
  everyMs: number;
  /** Streams at once over one tunnel. */
  atOnce: number;
  /** How many readers stop, one measure for each number. */
  stalled: readonly number[];
  /** Bytes that each of the stream's two directions carries. */
  bytes: number;
  /** How long everything may take to come to rest. */
  settleMs: number;
  say: (line: string) => void;
}

/** MiB, or a count. */
export interface Row {
  what: string;
  start: number;
  end: number;
  /** The most that `end` may be. */
  most: number;
}

export interface Soaked {
  rows: Row[];
  streams: number;
  /** How long one stream took from the dial to its end, ms. */
  medianMs: number;
  longestMs: number;
  /** How long the streams at once took, s. */
  atOnceSeconds: number;
  problems: string[];
}

/** What memory may grow by, MiB: the garbage collectors of V8 free late. A leak of 100 KB for each of 600 streams is above it. */
const GROWTH = 48;
/** The same while readers stand still: twice what a tunnel may have under way on top. */
const STALLED_GROWTH = GROWTH + 32;
/** Descriptors that may be in use for other things: connections that are kept for the next request. */
const SPARE = 8;
const WARM_UP = 30;
const MIB = 2 ** 20;

export async function soak(field: Field, options: SoakOptions): Promise<Soaked> {
  const { say } = options;
  const problems: string[] = [];
  const took: number[] = [];
  const one = async (nth: number) => {
    const began = performance.now();
    const problem = await roundTrip(field, nth % 2 === 0 ? "exec" : "port", options.bytes);
    took.push(performance.now() - began);
    if (problem) problems.push(`stream ${nth}: ${problem}`);
  };
  const atOnce = async () => {
    const began = performance.now();
    await Promise.all(Array.from({ length: options.atOnce }, (_, nth) => one(nth)));
    return (performance.now() - began) / 1000;
  };

  say("warming up");
  for (let nth = 0; nth < WARM_UP; nth++) await one(nth);
  await atOnce();
  took.length = 0;
  const start = await atRest(field, options.settleMs);
  const leftBefore = await field.left();

  say(`${options.streams} streams, one each ${options.everyMs} ms`);
  const underWay: Promise<void>[] = [];
  for (let nth = 0; nth < options.streams; nth++) {
    underWay.push(one(nth));
    await pause(options.everyMs);
  }
  await Promise.all(underWay);
  const [medianMs, longestMs] = [median(took), Math.max(...took)];
  say(`${options.atOnce} streams at once`);
  const atOnceSeconds = await atOnce();
  const rows: Row[] = [];
  for (const who of READERS) {
    for (const count of options.stalled) {
      say(`${count} streams whose ${who} reads nothing`);
      rows.push(...(await stall(field, who, count, start)));
    }
  }
  say("coming to rest");
  const end = await atRest(field, options.settleMs, start);
  for (const [what, now] of Object.entries(await leftAtRest(field, options.settleMs, leftBefore))) {
    rows.push({ what, start: leftBefore[what]!, end: now, most: leftBefore[what]! });
  }
  for (const [name, before] of Object.entries(start)) {
    const after = end[name]!;
    rows.push(
      { what: `${name}: MiB of memory`, ...mib(before, after), most: mib(before, after).start + GROWTH },
      {
        what: `${name}: descriptors`,
        start: before.descriptors,
        end: after.descriptors,
        most: before.descriptors + SPARE,
      },
    );
  }
  for (const { what, end: now, most } of rows)
    if (now > most) problems.push(`${what}: ${now}, more than ${most}`);
  const streams = options.streams + options.atOnce;
  return { rows, streams, medianMs, longestMs, atOnceSeconds, problems };
}

type Holdings = Record<string, Holding>;

/** Garbage does not count. workerd's cannot be told from the rest. */
async function holdings({ pids, collect }: Field): Promise<Holdings> {
  collectGarbage();
  await collect();
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, holdingOf(pid)]));
}

/** The least of each measure until time is up, or until all is as in `before`: what is freed late is not held. */
async function atRest(field: Field, limitMs: number, before?: Holdings): Promise<Holdings> {
  const until = Date.now() + limitMs;
  const least = await holdings(field);
  for (;;) {
    for (const [name, { memory, descriptors }] of Object.entries(await holdings(field))) {
      const so = least[name]!;
      so.memory = Math.min(so.memory, memory);
      so.descriptors = Math.min(so.descriptors, descriptors);
    }
    const isBack = Object.entries(before ?? {}).every(
      ([name, was]) =>
        least[name]!.memory <= was.memory + GROWTH * MIB &&
        least[name]!.descriptors <= was.descriptors + SPARE,
    );
    if (Date.now() > until || (before && isBack)) return least;
    await pause(200);
  }
}

/** Once no more is left than before, or time is up: who lost its client has 10 s to end. */
async function leftAtRest(field: Field, limitMs: number, before: Record<string, number>) {
  const until = Date.now() + limitMs;
  for (;;) {
    const left = await field.left();
    if (Date.now() > until || Object.entries(left).every(([what, now]) => now <= before[what]!)) return left;
    await pause(500);
  }
}

/** Memory of each process while so many readers stand still: once it has stopped growing. */
async function stall(field: Field, who: Reader, count: number, start: Holdings): Promise<Row[]> {
  const streams = await Promise.all(Array.from({ length: count }, () => stalled(field, who)));
  let now = await holdings(field);
  for (let calm = 0; calm < 10; calm++) {
    await pause(200);
    const next = await holdings(field);
    const grew = Object.entries(next).some(([name, { memory }]) => memory > now[name]!.memory + MIB);
    if (grew) calm = 0;
    now = next;
  }
  for (const leave of streams) leave();
  return Object.entries(now).map(([name, holding]) => ({
    what: `${name}: MiB with ${count} streams whose ${who} reads nothing`,
    ...mib(start[name]!, holding),
    most: mib(start[name]!, holding).start + STALLED_GROWTH,
  }));
}

function mib(before: Holding, after: Holding): { start: number; end: number } {
  return { start: Math.round(before.memory / MIB), end: Math.round(after.memory / MIB) };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
