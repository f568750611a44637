/** An idle fleet: agents send pings, and nothing else happens. */
import { setTimeout as pause } from "node:timers/promises";
import { holdingOf, usageOf } from "../../../test/support/process-meter.ts";
import type { Field } from "../field.ts";

/** Time for the frames of the last change to arrive. Later frames are part of the measure. */
const SETTLE_LIMIT_MS = 30_000;

export async function idle({ api, fleet, options, empty, measure, signal }: Field): Promise<void> {
  const { pid } = api.server;
  await untilQuiet({ fleet, options, signal });
  const [before, began] = [{ api: usageOf(pid), agents: await fleet.state() }, performance.now()];
  await pause(options.idleSeconds * 1000, undefined, { signal });
  const [after, seconds] = [
    { api: usageOf(pid), agents: await fleet.state() },
    (performance.now() - began) / 1000,
  ];
  measure("idleCpu", (100 * (after.api.cpuSeconds - before.api.cpuSeconds)) / seconds);
  measure("idleWritten", (after.api.written - before.api.written) / seconds / 1e3);
  measure("idleAsked", (after.api.asked - before.api.asked) / seconds / 1e3);
  measure("idleFrames", after.agents.traffic.framesReceived - before.agents.traffic.framesReceived);
  measure("idleSimulators", (100 * (after.agents.cpuSeconds - before.agents.cpuSeconds)) / seconds);

  const { memory, descriptors } = holdingOf(pid);
  measure("memory", memory / 1e6);
  measure("memoryPerNode", (memory - empty.memory) / fleet.nodes / 1e3);
  measure("descriptors", descriptors);
  measure("descriptorsPerNode", (descriptors - empty.descriptors) / fleet.nodes);
}

/** No frame for `quietSeconds`. */
async function untilQuiet({
  fleet,
  options,
  signal,
}: Pick<Field, "fleet" | "options" | "signal">): Promise<void> {
  const until = performance.now() + SETTLE_LIMIT_MS;
  let seen = -1;
  for (;;) {
    const { framesReceived } = (await fleet.state()).traffic;
    if (framesReceived === seen || performance.now() > until) return;
    seen = framesReceived;
    await pause(options.effort.quietSeconds * 1000, undefined, { signal });
  }
}
