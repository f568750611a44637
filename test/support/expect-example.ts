/** Runs an example by the command of its README, and compares what it prints. */
import { expect } from "vitest";
import type { Cluster } from "../lab/cluster.ts";
import { typed } from "./command-line.ts";
import type { Example } from "./examples.ts";

/** Nothing of the example may be left either. */
export async function expectExample(cluster: Cluster, { script, printed }: Example): Promise<void> {
  const { code, stdout, stderr } = await typed(cluster, script);
  expect(code, `${stdout}${stderr}`).toBe(0);
  const said = stdout.split("\n").filter((line) => printed.includes(line));
  expect(said.sort(), `${stdout}${stderr}`).toEqual(printed.toSorted());
  await expect.poll(() => cluster.leftovers()).toEqual([]);
}
