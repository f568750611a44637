/** Faults, in sequence and overlapping, until time is up. The seed chooses which, where and how long. */
import { setTimeout as pause } from "node:timers/promises";
import type { Cluster } from "../lab/cluster.ts";
import type { Draw, Fault } from "./fault.ts";
import { FAULTS } from "./faults.ts";
import type { Random } from "./random.ts";

/** With more at once the cluster could never create a session. */
const MOST_AT_ONCE = 4;
/** Milliseconds from one fault to the next. */
const GAP = [100, 1_000] as const;

const CHOICES = FAULTS.flatMap((fault) => Array<Fault>(fault.weight).fill(fault));

/** Returns how often each fault struck, once all is repaired. `say` gets a line for each. */
export async function storm(
  cluster: Cluster,
  random: Random,
  until: number,
  say: (line: string) => void,
): Promise<Map<string, number>> {
  const struck = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  const busy = new Map<string, Promise<void>>();

  async function strike(fault: Fault, draw: Draw, before: Promise<unknown>): Promise<void> {
    await before;
    if (Date.now() > until) return;
    say(
      `fault: ${fault.name} at ${fault.on.includes("api") ? "the API" : `node${draw.at + 1}`}, ${draw.lasts} ms`,
    );
    if (await fault.strike(draw)) struck.set(fault.name, (struck.get(fault.name) ?? 0) + 1);
  }

  while (Date.now() < until) {
    const fault = random.pick(CHOICES);
    const draw = {
      cluster,
      at: random.between(0, cluster.agents.length - 1),
      lasts: random.between(...fault.lasts),
      choice: random.between(0, 1_000_000),
    };
    const gap = random.between(...GAP);
    const parts = fault.on.map((part) => (part === "api" ? part : `${part} ${draw.at}`));
    const job = strike(fault, draw, Promise.all(parts.map((part) => busy.get(part))));
    for (const part of parts) busy.set(part, job);
    underWay.add(job);
    void job.finally(() => underWay.delete(job)).catch(() => {});
    if (underWay.size >= MOST_AT_ONCE) await Promise.race(underWay);
    await pause(gap);
  }
  await Promise.all(underWay);
  return struck;
}
