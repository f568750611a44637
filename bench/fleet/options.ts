/** The options of `npm run bench:fleet`, and how long it measures each thing. Pure. */
import { parseArgs } from "node:util";

export interface Options {
  nodes: number;
  /** Sessions that wait for room while the API is killed and started again. */
  waiting: number;
  idleSeconds: number;
  /** The big session: number of containers and of nodes. */
  big: { containers: number; nodes: number };
  /** Check the session that ran through the restart once more, after 90 s. */
  long: boolean;
  json: boolean;
  effort: Effort;
}

/** The size of each measurement. */
export interface Effort {
  /** Requests for each latency. */
  requests: number;
  /** Sessions made for each rate: containers of one → how many. */
  sessions: Readonly<Record<number, number>>;
  /** How long frames are counted after a join, and after a leave. */
  watchSeconds: number;
  /** The fleet is at rest after this time without a frame. */
  quietSeconds: number;
  /** When to check the running session after the restart. */
  afterSeconds: number;
}

/** 234 sessions in all, so that the list of 200 has 200. */
const THOROUGH: Effort = {
  requests: 30,
  sessions: { 1: 120, 8: 60, 64: 24 },
  watchSeconds: 5,
  quietSeconds: 2,
  afterSeconds: 20,
};

/** Shows that everything works; its figures are meaningless. */
const QUICK: Effort = {
  requests: 2,
  sessions: { 1: 2, 8: 2, 64: 1 },
  watchSeconds: 0.2,
  quietSeconds: 0.2,
  afterSeconds: 0.2,
};

const LEAST = { nodes: 10, waiting: 0, containers: 1, on: 1 } as const;
const LEAST_IDLE_SECONDS = 0.1;

/** @throws Error that names the wrong option and its valid values */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      nodes: { type: "string", default: "300" },
      waiting: { type: "string", default: "20" },
      idle: { type: "string", default: "30" },
      containers: { type: "string", default: "1000" },
      on: { type: "string", default: "500" },
      long: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
    },
  });
  const number = (name: keyof typeof LEAST) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= LEAST[name]) return value;
    throw new Error(`--${name} must be a whole number from ${LEAST[name]} up, not ${values[name]}`);
  };
  const idleSeconds = Number(values.idle);
  if (!(idleSeconds >= LEAST_IDLE_SECONDS)) {
    throw new Error(`--idle must be a number of seconds from ${LEAST_IDLE_SECONDS} up, not ${values.idle}`);
  }
  return {
    nodes: number("nodes"),
    waiting: number("waiting"),
    idleSeconds,
    big: { containers: number("containers"), nodes: number("on") },
    long: values.long,
    json: values.json,
    effort: values.quick ? QUICK : THOROUGH,
  };
}
