/**
 * `npm run soak:streams -- --minutes M`, on a host of the lab; with `--simulated`, the agent's containers are simulated, and it needs no root. Prints a
 * table of figures, and fails if something is left behind.
 */
import { parseArgs } from "node:util";
import { enterLab } from "../lab/enter.ts";
import { insideLab } from "../lab/lab.ts";
import { simulatedField } from "./field.ts";
import { labField } from "./lab-field.ts";
import { soak } from "./run.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, simulated: { type: "boolean", default: false } },
});
if (!values.simulated && !insideLab()) {
  process.exit(await enterLab([process.execPath, import.meta.filename, ...process.argv.slice(2)]));
}
const field = await (values.simulated ? simulatedField() : labField());
try {
  const say = (line: string) => console.error(line);
  // workerd keeps the memory that its first streams took. What comes after them may take no more.
  const first = { streams: 5, everyMs: 20, atOnce: 200, stalled: [8, 200], bytes: 100_000, settleMs: 0 };
  await soak(field, { ...first, say });
  const { rows, problems, ...figures } = await soak(field, {
    streams: Number(values.minutes) * 60,
    everyMs: 1000,
    atOnce: 200,
    stalled: [1, 8, 200],
    bytes: 100_000,
    // A tunnel is closed after a minute without a stream.
    settleMs: 75_000,
    say,
  });
  console.table(rows);
  console.log(JSON.stringify(figures));
  for (const problem of problems) console.log(problem);
  if (problems.length > 0) process.exitCode = 1;
} finally {
  await field.close();
}
