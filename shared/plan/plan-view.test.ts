import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { familiesOf, filesOf } from "../frameworks/frameworks.ts";
import { fleet, GiB, hosts, node, specOf } from "../testing/fixtures.ts";
import { environmentsOf, launcherVariablesOf } from "./environment.ts";
import type { Snapshot } from "./plan.ts";
import { PlanView } from "./plan-schema.ts";
import { publicPlan, renderPlan } from "./plan-view.ts";
import { plan } from "./planner.ts";

function viewOf(request: object, snapshot: Snapshot): PlanView {
  const spec = specOf(request);
  const planning = plan(spec, snapshot);
  if (!planning.plan) throw new Error(JSON.stringify(planning.refusal));
  return publicPlan(spec, planning.plan);
}

const multi = { clusterMode: "multi-node" };
const goldens: [string, object, Snapshot][] = [
  ["single-node-3", { clusterSize: 3 }, fleet(hosts(3))],
  ["multi-node-4-on-3", { ...multi, clusterSize: 4 }, fleet(hosts(3))],
  [
    "roles",
    {
      ...multi,
      roles: [
        { name: "main", replicas: 1, resources: { cpu: 0.5, memory: "512MiB", shm: "64MiB" } },
        { name: "worker", replicas: 3, image: "train:2.1", resources: { cpu: 2, memory: "1.5GiB", gpu: 1 } },
        { name: "ps", replicas: 2, image: "registry.example/ps@sha256:0a" },
      ],
    },
    fleet([node(1), node(2, { labels: { zone: "b" } }), node(3, { schedulable: false }), node(4)], {
      subnets: ["10.64.0.0/24"],
      vnis: [0x800000],
    }),
  ],
  [
    "uneven",
    { ...multi, clusterSize: 9, resources: { cpu: 1 } },
    fleet([
      node(1, { allocated: { cpu: 3, memory: 0, gpuIds: [], containers: 3 } }),
      node(2),
      node(3, { capacity: { cpu: 16, memory: 8 * GiB, gpu: 0 }, mtu: 1400 }),
    ]),
  ],
  [
    "pack",
    { ...multi, clusterSize: 6, resources: { cpu: 1 }, placement: { strategy: "pack" } },
    fleet(hosts(4)),
  ],
];

describe("the text of a plan", () => {
  test.each(goldens)(
    "%s is as in golden/, byte by byte (UPDATE_GOLDEN=1 writes it)",
    (name, request, snapshot) => {
      const file = new URL(`golden/${name}.txt`, import.meta.url);
      const text = renderPlan(viewOf(request, snapshot));
      if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, text);
      expect(text).toBe(readFileSync(file, "utf8"));
    },
  );
});

test("a variable stays in its line", () => {
  const text = renderPlan(viewOf({ env: { A: "x\nPATH=/tmp" } }, fleet(hosts(1))));
  expect(text).toContain('\n  A="x\\nPATH=/tmp"\n');
});

describe("the public plan", () => {
  test("is what the API says it is, and shows no device ids and no port between nodes", () => {
    for (const [, request, snapshot] of goldens) {
      const view = viewOf(request, snapshot);
      expect(PlanView.parse(view)).toEqual(view);
      expect(view.network).not.toHaveProperty("port");
      expect(JSON.stringify(view)).not.toContain("gpu-0");
    }
  });

  test("names each container's node, image, command, limits and environment", () => {
    const spec = specOf({ image: "a", command: ["run"], env: { A: "1" }, resources: { memory: "1GiB" } });
    const planned = plan(spec, fleet(hosts(1))).plan!;
    expect(publicPlan(spec, planned).containers).toEqual([
      {
        host: "main1",
        role: "main",
        index: 1,
        rank: 0,
        nodeId: "node_1",
        node: "host1",
        address: "10.64.0.2",
        image: "a",
        command: ["run"],
        env: {
          A: "1",
          ...environmentsOf(spec).get("main1"),
          ...launcherVariablesOf(spec, "10.64.0.0/24").get("main1"),
        },
        files: filesOf(familiesOf()),
        resources: { memory: GiB },
        limits: { shm: GiB, memlock: "unlimited", nofile: 2 ** 20 },
      },
    ]);
    expect(Object.keys(publicPlan(spec, planned).containers[0]!.env)).not.toContain("SKEIN_SESSION_ID");
  });

  test("shows the files for launchers with their text, once for all containers", () => {
    const roles = [
      { name: "main", replicas: 1, resources: { cpu: 2 } },
      { name: "sub", replicas: 1, frameworks: { mpi: false, ansible: false } },
    ];
    const view = viewOf({ roles, frameworks: { deepspeed: false } }, fleet(hosts(1)));
    expect(view.containers.map(({ files }) => files.length)).toEqual([4, 1]);
    expect(view.files[0]).toEqual({ path: "/.skein/self/hostfile", text: "main1 slots=2\nsub1 slots=1\n" });
    expect(view.files.map(({ path }) => path)).not.toContain("/job/hostfile");
  });

  test("has the session's own environment when there is a session", () => {
    const spec = specOf({ image: "a" });
    const planned = plan(spec, fleet(hosts(1))).plan!;
    const view = publicPlan(spec, planned, environmentsOf(spec, { id: "ses_1", name: "train" }));
    expect(view.containers[0]!.env).toMatchObject({ SKEIN_SESSION_ID: "ses_1", SKEIN_SESSION_NAME: "train" });
    expect(view.containers[0]!.command).toBeNull();
  });
});
