import { expect, test } from "vitest";
import { specOf } from "../testing/fixtures.ts";
import { environmentsOf, launcherVariablesOf, replicasOf } from "./environment.ts";

const session = { id: "ses_1", name: "train" };

test("the variables of a session of four, exactly", () => {
  const environments = environmentsOf(specOf({ image: "a", clusterSize: 4 }), session);
  const alike = {
    BACKENDAI_CLUSTER_SIZE: "4",
    BACKENDAI_CLUSTER_HOSTS: "main1,sub1,sub2,sub3",
    BACKENDAI_CLUSTER_REPLICAS: "main:1,sub:3",
    SKEIN_SESSION_ID: "ses_1",
    SKEIN_SESSION_NAME: "train",
  };
  expect([...environments.keys()]).toEqual(["main1", "sub1", "sub2", "sub3"]);
  expect(environments.get("main1")).toEqual({
    ...alike,
    BACKENDAI_CLUSTER_HOST: "main1",
    BACKENDAI_CLUSTER_IDX: "1",
    BACKENDAI_CLUSTER_ROLE: "main",
    BACKENDAI_CLUSTER_LOCAL_RANK: "0",
  });
  expect(environments.get("sub2")).toEqual({
    ...alike,
    BACKENDAI_CLUSTER_HOST: "sub2",
    BACKENDAI_CLUSTER_IDX: "2",
    BACKENDAI_CLUSTER_ROLE: "sub",
    BACKENDAI_CLUSTER_LOCAL_RANK: "2",
  });
});

test("roles of their own: main first, ranks over the whole session, the role's own env", () => {
  const spec = specOf({
    image: "a",
    roles: [
      { name: "worker", replicas: 2, env: { MODE: "work" } },
      { name: "main", replicas: 1 },
      { name: "ps", replicas: 1 },
    ],
  });
  const environments = environmentsOf(spec, session);
  expect(
    [...environments.values()].map((env) => [
      env["BACKENDAI_CLUSTER_HOST"],
      env["BACKENDAI_CLUSTER_LOCAL_RANK"],
    ]),
  ).toEqual([
    ["main1", "0"],
    ["worker1", "1"],
    ["worker2", "2"],
    ["ps1", "3"],
  ]);
  expect(environments.get("ps1")).toMatchObject({
    BACKENDAI_CLUSTER_HOSTS: "main1,worker1,worker2,ps1",
    BACKENDAI_CLUSTER_REPLICAS: "main:1,worker:2,ps:1",
    BACKENDAI_CLUSTER_IDX: "1",
  });
  expect([...environments.values()].map((env) => env["MODE"])).toEqual([
    undefined,
    "work",
    "work",
    undefined,
  ]);
});

test("a session of one", () => {
  expect(environmentsOf(specOf({ image: "a" }), session).get("main1")).toMatchObject({
    BACKENDAI_CLUSTER_SIZE: "1",
    BACKENDAI_CLUSTER_HOSTS: "main1",
    BACKENDAI_CLUSTER_REPLICAS: "main:1",
  });
});

test("a dry run names no session", () => {
  const names = Object.keys(environmentsOf(specOf({ image: "a" })).get("main1")!);
  expect(names.filter((name) => name.startsWith("SKEIN_"))).toEqual([]);
  expect(names).toHaveLength(7);
});

test("Skein's variables win", () => {
  const spec = specOf({ image: "a" });
  spec.roles[0]!.env = { BACKENDAI_CLUSTER_SIZE: "99", OWN: "1" };
  expect(environmentsOf(spec).get("main1")).toMatchObject({ BACKENDAI_CLUSTER_SIZE: "1", OWN: "1" });
});

test("replicas count ranks from 0 and indices from 1", () => {
  expect(replicasOf(specOf({ image: "a", clusterSize: 3 }))).toEqual([
    { host: "main1", role: "main", index: 1, rank: 0 },
    { host: "sub1", role: "sub", index: 1, rank: 1 },
    { host: "sub2", role: "sub", index: 2, rank: 2 },
  ]);
});

test("with a container on its node's network, UCX is told the interface in all, unless one may use RDMA", () => {
  const toldWith = (sub: object) => {
    const main = { name: "main", replicas: 1, hostNetwork: true };
    const spec = specOf({ image: "a", roles: [main, { name: "sub", replicas: 1, ...sub }] });
    const variables = [...launcherVariablesOf(spec, "10.64.0.0/24").values()];
    return variables.map((each) => "UCX_NET_DEVICES" in each && "UCX_TCP_BRIDGE_ENABLE" in each);
  };
  expect(toldWith({})).toEqual([true, true]);
  expect(toldWith({ devices: ["/dev/fuse"] })).toEqual([true, true]);
  expect(toldWith({ devices: ["/dev/infiniband/uverbs0"] })).toEqual([false, false]);
  expect(toldWith({ privileged: true })).toEqual([false, false]);
  const plain = launcherVariablesOf(specOf({ image: "a" }), "10.64.0.0/24").get("main1");
  expect(plain).not.toHaveProperty("UCX_NET_DEVICES");
});
