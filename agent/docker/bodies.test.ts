import { describe, expect, test } from "vitest";
import type { Assignment, ContainerSpec } from "../../shared/protocol/assignment.ts";
import { linkNames } from "../network/link-names.ts";
import { argvOf, containerBody, networkBody, type Surroundings } from "./bodies.ts";

const image = { id: "sha256:1", entrypoint: ["/entry"], env: ["PATH=/opt/bin:/bin", "A=image"], user: "" };

const spec: ContainerSpec = {
  host: "sub1",
  role: "sub",
  rank: 1,
  address: "10.64.0.3",
  image: "debian:12",
  command: ["train", "--fast"],
  user: "dev",
  workdir: "/work",
  env: { A: "mine", BACKENDAI_CLUSTER_HOST: "sub1" },
  launchers: {},
  files: [],
  resources: { cpu: 0.5, memory: 67108864, shm: 8388608, gpuIds: ["0", "1"] },
};

const assignment: Assignment = {
  session: "ses_1",
  name: "one",
  epoch: 2,
  place: 0,
  network: {
    driver: "overlay",
    subnet: "10.64.0.0/24",
    gateway: "10.64.0.254",
    vtep: "192.0.2.1",
    mtu: 1450,
    vni: 8388608,
    port: 14789,
    egress: false,
    peers: [],
  },
  logs: { bytes: 2 ** 26, seconds: 60 },
  containers: [spec],
  members: [
    { host: "main1", address: "10.64.0.2", place: 1 },
    { host: "sub1", address: "10.64.0.3", place: 0 },
  ],
  listed: [
    { host: "main1", role: "main", slots: 1 },
    { host: "sub1", role: "sub", slots: 1 },
  ],
  proof: { ssh: [], ping: [] },
};

const here: Surroundings = {
  owner: { fleet: "flt_1", node: "node_1" },
  macOn: "container",
  kitPath: "/kit/1",
  sysctls: { "net.ipv4.some": "1" },
  cpus: 4,
  gpuDevices: true,
};

const labels = {
  "skein.fleet": "flt_1",
  "skein.node": "node_1",
  "skein.session": "ses_1",
  "skein.epoch": "2",
};

describe("what a container runs", () => {
  test.each([
    ["without entrypoint and command it idles", {}, []],
    ["command: the image's entry point and the command", { command: ["a"] }, ["/entry", "a"]],
    ["entrypoint: it alone, without the image's CMD", { entrypoint: ["/mine"] }, ["/mine"]],
    ["both", { entrypoint: ["/mine"], command: ["a"] }, ["/mine", "a"]],
    ["an empty entrypoint removes the image's", { entrypoint: [], command: ["a"] }, ["a"]],
  ])("%s", (_, given, argv) => {
    expect(argvOf(given, image)).toEqual(argv);
  });
});

describe("the body of a container's create call", () => {
  test("on an engine before API 1.44, with GPUs", () => {
    expect(containerBody(assignment, spec, image, "/state/self", here)).toEqual({
      Image: "debian:12",
      Hostname: "sub1",
      Entrypoint: [
        "/.skein/kit/bin/tini-static",
        "--",
        "/.skein/kit/start",
        "0",
        "/entry",
        "train",
        "--fast",
      ],
      Cmd: [],
      Env: [
        "A=mine",
        "BACKENDAI_CLUSTER_HOST=sub1",
        "PATH=/opt/bin:/bin:/.skein/kit/path",
        "NVIDIA_VISIBLE_DEVICES=0,1",
      ],
      User: "dev",
      WorkingDir: "/work",
      StopSignal: "SIGTERM",
      Healthcheck: { Test: ["NONE"] },
      Labels: { ...labels, "skein.host": "sub1" },
      MacAddress: "02:42:0a:40:00:03",
      HostConfig: {
        Binds: ["/kit/1:/.skein/kit:ro", "/state/self:/.skein/self:ro"],
        Mounts: [],
        Devices: [],
        Sysctls: { "net.ipv4.some": "1" },
        NetworkMode: "skein-86f24c12ecb4",
        ExtraHosts: ["main1:10.64.0.2"],
        NanoCpus: 500000000,
        Memory: 67108864,
        MemorySwap: 67108864,
        ShmSize: 8388608,
        DeviceRequests: [{ DeviceIDs: ["0", "1"], Capabilities: [["gpu"]] }],
        Dns: ["127.0.0.1"],
        SecurityOpt: ["no-new-privileges"],
        PidsLimit: 16384,
        Init: false,
        RestartPolicy: { Name: "no" },
        LogConfig: { Type: "local", Config: { "max-size": "32m", "max-file": "4", compress: "false" } },
      },
      NetworkingConfig: {
        EndpointsConfig: { "skein-86f24c12ecb4": { IPAMConfig: { IPv4Address: "10.64.0.3" } } },
      },
    });
  });

  test("from API 1.44 on the MAC is the endpoint's", () => {
    const body = containerBody(assignment, spec, image, "/state/self", { ...here, macOn: "endpoint" });
    expect(body).not.toHaveProperty("MacAddress");
    expect(
      Object.values(
        (body as { NetworkingConfig: { EndpointsConfig: object } }).NetworkingConfig.EndpointsConfig,
      ),
    ).toEqual([{ IPAMConfig: { IPv4Address: "10.64.0.3" }, MacAddress: "02:42:0a:40:00:03" }]);
  });

  test("where the engine cannot hand out GPUs, the environment names them", () => {
    const body = containerBody(assignment, spec, image, "/state/self", { ...here, gpuDevices: false });
    expect(body["HostConfig"]).not.toHaveProperty("DeviceRequests");
    expect(body["Env"]).toContain("NVIDIA_VISIBLE_DEVICES=0,1");
  });

  test.each([
    ["nothing reserved", [], "void"],
    ["one reserved", ["1"], "1"],
  ])(
    "where the engine hands out GPUs, neither image nor request gets more than was reserved: %s",
    (_, gpuIds, devices) => {
      const greedy = { ...spec, env: { NVIDIA_VISIBLE_DEVICES: "all" }, resources: { gpuIds } };
      const cuda = { ...image, env: ["NVIDIA_VISIBLE_DEVICES=all"] };
      const { Env } = containerBody(assignment, greedy, cuda, "/state/self", here) as { Env: string[] };
      const said = Env.filter((entry) => entry.startsWith("NVIDIA_VISIBLE_DEVICES="));
      expect(said).toEqual([`NVIDIA_VISIBLE_DEVICES=${devices}`]);
    },
  );

  test("with egress the container uses the engine's resolver", () => {
    const open = { ...assignment, network: { ...assignment.network, egress: true } };
    const { HostConfig } = containerBody(open, spec, image, "/state/self", here) as { HostConfig: object };
    expect(HostConfig).not.toHaveProperty("Dns");
  });

  test("mounts, devices and privileges of the node are what the spec lists", () => {
    const mounts = [
      { source: "/data", target: "/d", readOnly: true },
      { source: "/scratch", target: "/s", readOnly: false },
    ];
    const bold: ContainerSpec = { ...spec, mounts, devices: ["/dev/fuse"], privileged: true };
    const { HostConfig } = containerBody(assignment, bold, image, "/state/self", here);
    expect(HostConfig).toMatchObject({
      Mounts: [
        {
          ...{ Type: "bind", Source: "/data", Target: "/d", ReadOnly: true },
          BindOptions: { Propagation: "rprivate", NonRecursive: true },
        },
        {
          ...{ Type: "bind", Source: "/scratch", Target: "/s", ReadOnly: false },
          BindOptions: { Propagation: "rprivate", NonRecursive: false },
        },
      ],
      Devices: [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rw" }],
      Privileged: true,
      SecurityOpt: ["no-new-privileges"],
    });
  });

  test("on the node's network: SSH at one address, its own name in the hosts file, no sysctls", () => {
    const body = containerBody(assignment, { ...spec, hostNetwork: true }, image, "/state/self", here);
    const { HostConfig } = body as { HostConfig: object };
    expect(body["Entrypoint"]).toContain("10.64.0.3");
    expect(HostConfig).toMatchObject({
      NetworkMode: "host",
      ExtraHosts: ["main1:10.64.0.2", "sub1:10.64.0.3"],
    });
    expect(HostConfig).not.toHaveProperty("Sysctls");
    expect(body).not.toHaveProperty("MacAddress");
    expect(body).not.toHaveProperty("NetworkingConfig");
  });

  test("the limit of cores is at most what the machine has", () => {
    const body = containerBody(assignment, spec, image, "/state/self", { ...here, cpus: 0.25 });
    expect(body["HostConfig"]).toMatchObject({ NanoCpus: 250_000_000 });
  });

  test("a resource that was not requested is not limited", () => {
    const bare = { ...spec, resources: { gpuIds: [] } };
    const { HostConfig } = containerBody(assignment, bare, image, "/state/self", here) as {
      HostConfig: object;
    };
    for (const key of ["NanoCpus", "Memory", "MemorySwap", "ShmSize", "DeviceRequests"]) {
      expect(HostConfig).not.toHaveProperty(key);
    }
  });
});

describe("variables for launchers", () => {
  const variables = (over: Partial<ContainerSpec>, env: string[]) => {
    const launchers = {
      MASTER_ADDR: "main1",
      PET_MASTER_ADDR: "main1",
      WCOLL: "/.skein/self/hosts",
      NCCL_SOCKET_IFNAME: "{session interface}",
    };
    const body = containerBody(assignment, { ...spec, launchers, ...over }, { ...image, env }, "/self", here);
    return body["Env"] as string[];
  };

  test("give way to the image's own and the request's, and follow them", () => {
    const set = variables({ env: { WCOLL: "/mine", X: "{session interface}" } }, [
      "MASTER_ADDR=ps1",
      "A=a=b",
    ]);
    expect(set).toContain("PET_MASTER_ADDR=ps1");
    expect(set).toContain("WCOLL=/mine");
    expect(set).toContain("X={session interface}");
    // Docker takes it from the image.
    expect(set.filter((entry) => entry.startsWith("MASTER_ADDR"))).toEqual([]);
  });

  test("name the session's bridge where the container is on the node's network", () => {
    const set = variables({ hostNetwork: true }, []);
    const { bridge } = linkNames(here.owner, assignment.session, true);
    expect(set).toContain(`NCCL_SOCKET_IFNAME=${bridge}`);
  });
});

test("ulimits are soft and hard alike; -1 is unlimited; without any the engine's own hold", () => {
  const ulimitsOf = (ulimits: ContainerSpec["ulimits"]) =>
    containerBody(assignment, { ...spec, ulimits }, image, "/self", here)["HostConfig"];
  expect(ulimitsOf({ memlock: "unlimited", nofile: 4096 })).toMatchObject({
    Ulimits: [
      { Name: "memlock", Soft: -1, Hard: -1 },
      { Name: "nofile", Soft: 4096, Hard: 4096 },
    ],
  });
  expect(ulimitsOf({})).not.toHaveProperty("Ulimits");
});

test("the body of a network's create call", () => {
  expect(networkBody(assignment, here.owner)).toEqual({
    Name: "skein-86f24c12ecb4",
    CheckDuplicate: true,
    Driver: "bridge",
    Labels: labels,
    IPAM: { Driver: "default", Config: [{ Subnet: "10.64.0.0/24", Gateway: "10.64.0.254" }] },
    Options: {
      "com.docker.network.bridge.name": expect.stringMatching(/^skb[a-z2-7]{12}$/),
      "com.docker.network.bridge.enable_icc": "true",
      "com.docker.network.bridge.enable_ip_masquerade": "false",
      "com.docker.network.driver.mtu": "1450",
    },
  });
});

test("where a container of the session is on its node's network, on whatever node, all see the interface by one name", () => {
  const [main, sub] = assignment.members;
  const members = [{ ...main!, onNode: true as const }, sub!];
  const optionsAt = (place: number) =>
    networkBody({ ...assignment, place, members }, here.owner)["Options"] as Record<string, string>;
  expect(optionsAt(0)).toMatchObject({
    "com.docker.network.bridge.name": expect.stringMatching(/^skb/),
    "com.docker.network.container_iface_prefix": expect.stringMatching(/^ske[a-z2-7]{11}$/),
  });
  const prefix = optionsAt(0)["com.docker.network.container_iface_prefix"];
  expect(optionsAt(1)["com.docker.network.bridge.name"]).toBe(`${prefix}0`);
});
