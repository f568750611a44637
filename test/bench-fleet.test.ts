/** `npm run bench:fleet` with too few nodes for meaningful figures: it takes every measure, and leaves nothing behind. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const PROGRAM = join(import.meta.dirname, "../bench/fleet.ts");
const ARGV = "--nodes 20 --waiting 2 --idle 0.2 --on 20 --containers 40 --quick --json".split(" ");

test("all simulated nodes join and come back after a restart, and the running session goes on", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...ARGV], { timeout: 50_000 });
  const { columns } = JSON.parse(stdout) as { columns: { nodes: number; values: Record<string, unknown> }[] };
  expect(columns.map(({ nodes }) => nodes)).toEqual([2, 20]);
  for (const { values } of columns) {
    const { runsAfter, ...figures } = values;
    expect(runsAfter).toBe("running");
    // A measure that could not be taken is a text with the reason.
    expect(Object.entries(figures).filter(([, value]) => typeof value !== "number")).toEqual([]);
    expect(figures).toMatchObject({ joinSeconds: expect.any(Number), backSeconds: expect.any(Number) });
  }
}, 60_000);
