/** Examples run as they stand, by the command of their README. Those whose images are large are in `test/examples/large.lab.ts`. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster } from "./lab/cluster.ts";
import { imageSets } from "./lab/images.ts";
import { examples } from "./support/examples.ts";
import { expectExample } from "./support/expect-example.ts";

const isLarge = ({ script }: { script: string }) => imageSets.large.some(({ repo }) => script.includes(repo));

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ hosts: 3, images: ["launchers"] });
});
afterAll(() => cluster.close());

test("there is one for each kind of program", () => {
  const names = ["ansible", "batch", "dask", "jupyter", "mpi", "roles", "torchrun"];
  expect(examples.map(({ name }) => name)).toEqual(names);
});

test.each(examples.filter((example) => !isLarge(example)))("$name", (example) =>
  expectExample(cluster, example),
);
