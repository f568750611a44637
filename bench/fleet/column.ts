/** One run with a number of nodes: its own API and simulators, and the phases in order. */

import { holdingOf } from "../../test/support/process-meter.ts";
import { testApi } from "../../test/support/server.ts";
import type { Field } from "./field.ts";
import { type Column, MEASURE_NAMES, MEASURES, PHASES, type Phase } from "./measures.ts";
import type { Options } from "./options.ts";
import { answers } from "./phases/answers.ts";
import { big } from "./phases/big.ts";
import { change } from "./phases/change.ts";
import { idle } from "./phases/idle.ts";
import { join, joinLimitMs } from "./phases/join.ts";
import { RATE_LIMIT_MS, rates } from "./phases/rates.ts";
import { BACK_LIMIT_MS, restart } from "./phases/restart.ts";
import { SimulatedFleet } from "./simulated-fleet.ts";

/** Time that a phase may take beyond the limits of its measures. */
const BESIDE_MS = 60_000;

const WORK: Record<
  Phase,
  { run(field: Field): Promise<void>; limitMs(options: Options, nodes: number): number }
> = {
  join: { run: join, limitMs: (_, nodes) => joinLimitMs(nodes) },
  idle: { run: idle, limitMs: ({ idleSeconds }) => idleSeconds * 1000 },
  change: { run: change, limitMs: () => 0 },
  answers: { run: answers, limitMs: () => 60_000 },
  rates: { run: rates, limitMs: ({ effort }) => RATE_LIMIT_MS * Object.keys(effort.sessions).length },
  big: { run: big, limitMs: () => 60_000 },
  restart: { run: restart, limitMs: ({ long }) => BACK_LIMIT_MS + (long ? 90_000 : 20_000) },
};

/** The bench does not measure rate limits. */
const SETTINGS = { requestsPerMinute: 10_000_000, requestBurst: 10_000_000 };

/** Ends early when `stop` aborts. However it ends, no process and no file stays behind. @throws the reason of `stop` */
export async function measureColumn(
  nodes: number,
  options: Options,
  say: (text: string) => void,
  stop: AbortSignal,
): Promise<Column> {
  const log = new WorkerdLog();
  const api = await testApi(SETTINGS, (text) => log.take(text));
  const fleet = new SimulatedFleet(api.server, nodes);
  const base = { api, fleet, options, empty: holdingOf(api.server.pid), say };
  const column: Column = { nodes, values: {} };
  let work: Promise<void> | undefined;
  try {
    for (const phase of Object.keys(PHASES) as Phase[]) {
      say(`${nodes} nodes: ${PHASES[phase]}`);
      const begun = begin(phase, base, column, stop);
      work = begun.work;
      await begun.over;
    }
    if (log.lines > 0) say(`workerd wrote ${log.lines} lines; the last: ${log.last}`);
    return column;
  } finally {
    await fleet.end();
    // A phase that ended early may still be starting workerd.
    await work?.catch(() => {});
    // SIGKILL first: its data is not needed, and with thousands of links a graceful end takes long.
    await api.kill().catch(() => {});
    await api.close();
  }
}

/** `over` resolves when the phase has ended, has failed, or its time is up. It rejects with the reason of `stop`. */
function begin(
  phase: Phase,
  base: Pick<Field, "api" | "fleet" | "options" | "empty" | "say">,
  column: Column,
  stop: AbortSignal,
): { work: Promise<void>; over: Promise<void> } {
  const { run, limitMs } = WORK[phase];
  const limit = limitMs(base.options, column.nodes) + BESIDE_MS;
  const signal = AbortSignal.any([stop, AbortSignal.timeout(limit)]);
  const measure: Field["measure"] = (name, value) => {
    column.values[name] = value;
  };
  const work = run({ ...base, signal, measure });
  const over = Promise.race([work, aborted(signal)]).catch((error: Error) => {
    stop.throwIfAborted();
    base.say(`${PHASES[phase]}: ${error.stack}`);
    owe(phase, column, signal.aborted ? `not within ${limit / 1000} s` : "failed");
  });
  return { work, over };
}

/** Each measure that the phase did not take gets the reason. */
function owe(phase: Phase, { values }: Column, why: string): void {
  for (const name of MEASURE_NAMES) if (MEASURES[name].phase === phase) values[name] ??= why;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

class WorkerdLog {
  lines = 0;
  last = "";

  take(text: string): void {
    const lines = text.split("\n").filter((line) => line !== "");
    this.lines += lines.length;
    this.last = lines.at(-1) ?? this.last;
  }
}
