/**
 * How many nodes one `skein serve` carries, and what each costs: simulated agents against a real API, first with a tenth of the nodes, then
 * with all. `npm run bench:fleet -- --nodes N --waiting W`; docs/performance.md describes the other options.
 */

import { descriptorLimit } from "../test/support/process-meter.ts";
import { measureColumn } from "./fleet/column.ts";
import type { Column } from "./fleet/measures.ts";
import { readOptions } from "./fleet/options.ts";
import { report } from "./fleet/report.ts";

const options = readOptions(process.argv.slice(2));
const began = performance.now();
const say = (text: string) => console.error(`${((performance.now() - began) / 1000).toFixed(1)} s  ${text}`);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

/** workerd uses two to five for each link today, and inherits our limit. */
const limit = descriptorLimit();
if (limit < 2 * options.nodes)
  say(`a process may have ${limit} descriptors here: ${options.nodes} nodes need two each`);

const columns: Column[] = [];
try {
  for (const nodes of [Math.round(options.nodes / 10), options.nodes]) {
    columns.push(await measureColumn(nodes, options, say, stop.signal));
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
  process.exit(130);
}
console.log(report(columns as [Column, Column], options));
