/** All nodes join: a token, a key pair, a name, and the link. */

import { usageOf } from "../../../test/support/process-meter.ts";
import { type Field, untilUp } from "../field.ts";
import { notReached } from "../measures.ts";

/** Time for all to join: a base, plus some for each node. */
export function joinLimitMs(nodes: number): number {
  return 30_000 + 60 * nodes;
}

export async function join(field: Field): Promise<void> {
  const { api, fleet, options, measure, say, signal } = field;
  const limitMs = joinLimitMs(fleet.nodes);
  const before = usageOf(api.server.pid).cpuSeconds;
  const joining = fleet.join({ limitMs, big: options.big.nodes });
  const { state, seconds } = await Promise.race([
    untilUp({ fleet, say, signal }, limitMs),
    // Only a failing simulator ends the race.
    joining.then(() => new Promise<never>(() => {})),
  ]);
  measure("joinSeconds", state.up < fleet.nodes ? notReached(state.up, fleet.nodes, seconds) : seconds);
  measure("joinCpu", usageOf(api.server.pid).cpuSeconds - before);
  const failed = Object.entries(state.failed);
  if (failed.length > 0)
    say(`failed on the way: ${failed.map(([why, times]) => `${times} × ${why}`).join("; ")}`);
}
