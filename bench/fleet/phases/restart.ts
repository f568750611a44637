/**
 * Kills workerd while sessions wait and one runs, and starts it again. Measures when all nodes are back, and checks that the session still
 * runs.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { SessionView } from "../../../shared/session/session-schemas.ts";
import { peakMemoryOf, usageOf } from "../../../test/support/process-meter.ts";
import { type Field, IMAGE, request, runSession, untilUp } from "../field.ts";
import { notReached } from "../measures.ts";

const RUNNING_CONTAINERS = 50;
/** Time for all agents to come back. */
export const BACK_LIMIT_MS = 120_000;
const LONG_AFTER_S = 90;

/** The error of `ws` for a port without a listener. */
const NOBODY_LISTENS = /ECONNREFUSED/;

export async function restart(field: Field): Promise<void> {
  const { api, fleet, options, measure, signal } = field;
  const { id } = await runSession(field, {
    image: IMAGE,
    clusterMode: "multi-node",
    clusterSize: RUNNING_CONTAINERS,
  });
  for (let i = 0; i < options.waiting; i++) await request(field, "POST", "/v1/sessions", 202, unfit(i));

  const began = performance.now();
  await api.kill();
  // Counted from now: dials that failed with the old process do not count for the new one.
  await fleet.mark();
  const { cpuSeconds: before } = await fleet.state();
  const gone = (performance.now() - began) / 1000;
  const [{ state, seconds: since }] = await Promise.all([untilUp(field, BACK_LIMIT_MS), api.start()]);
  const seconds = gone + since;
  measure("backSeconds", state.up < fleet.nodes ? notReached(state.up, fleet.nodes, seconds) : seconds);
  const dials = Map.groupBy(Object.entries(state.failed), ([why]) => NOBODY_LISTENS.test(why));
  measure("backFailed", timesOf(dials.get(false)));
  measure("backRefused", timesOf(dials.get(true)));
  measure("backCpu", usageOf(api.server.pid).cpuSeconds);
  measure("backSimulators", state.cpuSeconds - before);
  for (const [why, times] of dials.get(false) ?? []) field.say(`${times} × ${why}`);

  const later = async (second: number) => {
    await pause(Math.max(0, began + seconds * 1000 + second * 1000 - performance.now()), undefined, {
      signal,
    });
    const { status, reason } = await request<SessionView>(field, "GET", `/v1/sessions/${id}`, 200);
    return status === "running" ? status : `${status}: ${reason}`;
  };
  measure("runsAfter", await later(options.effort.afterSeconds));
  if (options.long) measure("runsLong", await later(LONG_AFTER_S));
  measure("backMemory", peakMemoryOf(api.server.pid) / 1e6);
}

/** Demands that all differ and fit no node: a label that no node has, or too many cores. */
function unfit(i: number): object {
  return i % 2 === 0
    ? { image: IMAGE, placement: { labels: { missing: `label-${i}` } } }
    : { image: IMAGE, resources: { cpu: 1000 + i } };
}

function timesOf(entries: readonly [string, number][] = []): number {
  return entries.reduce((sum, [, times]) => sum + times, 0);
}
