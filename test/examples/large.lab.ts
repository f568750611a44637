/** Examples whose images are too large for every run of the tests: `npm run examples`. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster } from "../lab/cluster.ts";
import { imageSets } from "../lab/images.ts";
import { skeinOf } from "../support/command-line.ts";
import { examples } from "../support/examples.ts";
import { expectExample } from "../support/expect-example.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ hosts: 3, images: ["large"] });
});
afterAll(() => cluster.close());

const large = examples.filter(({ script }) => imageSets.large.some(({ repo }) => script.includes(repo)));

test.each(large)("$name", (example) => expectExample(cluster, example));

test("a plain `python train.py` runs alone and ends: nothing makes it wait for the others", async () => {
  const alone =
    "import os, torch.distributed as d; print(d.is_torchelastic_launched(), os.environ.get('WORLD_SIZE'))";
  const job = ["--size", "3", "--mode", "multi-node", "--each", "--", "python3", "-c", alone];
  const { code, stdout, stderr } = await skeinOf(cluster, ["run", "--image", "skein/torch:12", ...job]);
  expect(code, stderr).toBe(0);
  expect(stdout.trimEnd().split("\n").sort()).toEqual(
    ["main1 |", "sub1  |", "sub2  |"].map((prefix) => `${prefix} False None`),
  );
});
