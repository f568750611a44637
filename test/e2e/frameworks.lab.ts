/** What launchers find in real containers: variables, files, limits; and that a user's own values win. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packEntries } from "../../agent/ssh/archive.ts";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { type Agent, startAgent } from "../lab/cluster.ts";
import { cluster, containerOf, end, request, running, sh, variables } from "./skein.ts";

const image = "skein/debian:12";
const open: SessionView[] = [];

async function session(body: object): Promise<SessionView> {
  const made = await running(body);
  open.push(made);
  return made;
}

afterAll(() => Promise.all(open.map(end)));

describe("launchers", () => {
  let train: SessionView;

  beforeAll(async () => {
    train = await session({
      image,
      clusterMode: "multi-node",
      env: { MASTER_ADDR: "ps1", OMP_NUM_THREADS: "7" },
      resources: { memory: "128MiB" },
      roles: [
        { name: "main", replicas: 1, resources: { cpu: 2.5 } },
        { name: "ps", replicas: 2, frameworks: { deepspeed: false, torchEnv: true, ansible: false } },
      ],
    });
  });

  test("find files with all containers, in rank order, with each role's slots", async () => {
    const files = await sh(train, "main1", "cd /.skein/self && head hostfile machinefile hosts inventory");
    expect(files).toBe(
      [
        "==> hostfile <==\nmain1 slots=2\nps1 slots=1\nps2 slots=1\n",
        "==> machinefile <==\nmain1:2\nps1:1\nps2:1\n",
        "==> hosts <==\nmain1\nps1\nps2\n",
        "==> inventory <==\n[main]\nmain1\n\n[ps]\nps1\nps2\n",
      ].join("\n"),
    );
    expect(await sh(train, "main1", "cat /job/hostfile")).toBe("main1 slots=2\nps1 slots=1\nps2 slots=1\n");
    expect(await sh(train, "ps1", "ls /job /.skein/self 2>&1 || true")).not.toMatch(
      /hostfile.*hostfile|inventory/s,
    );
  });

  test("find variables, also by SSH; the request's own win, and what follows them agrees", async () => {
    const env = variables(await sh(train, "main1", "ssh ps2 env"));
    expect(env).toMatchObject({
      OMPI_MCA_orte_default_hostfile: "/.skein/self/hostfile",
      PRTE_MCA_prte_default_hostfile: "/.skein/self/hostfile",
      HYDRA_HOST_FILE: "/.skein/self/machinefile",
      WCOLL: "/.skein/self/hosts",
      NODE_RANK: "2",
      PET_NODE_RANK: "2",
      PET_NNODES: "3",
      MASTER_ADDR: "ps1",
      PET_MASTER_ADDR: "ps1",
      PET_MASTER_PORT: "29500",
      NCCL_SOCKET_IFNAME: "eth0",
      RANK: "2",
      WORLD_SIZE: "3",
      OMP_NUM_THREADS: "7",
    });
    const main = variables(await sh(train, "main1", "env"));
    expect(main).toMatchObject({
      NODE_RANK: "0",
      ANSIBLE_INVENTORY: "/.skein/self/inventory",
      MKL_NUM_THREADS: "7",
    });
    for (const name of ["RANK", "WORLD_SIZE", "LOCAL_RANK", "OMPI_MCA_btl_tcp_if_include"])
      expect(Object.keys(main)).not.toContain(name);
    expect(Object.keys(env)).not.toContain("ANSIBLE_INVENTORY");
  });

  test("find what the plan shows", async () => {
    const { body } = await request<{ containers: { env: Record<string, string> }[] }>("POST", "/v1/plans", {
      image,
    });
    const { PATH: _, HOSTNAME: __, ...planned } = body.containers[0]!.env;
    const one = await session({ image });
    expect(variables(await sh(one, "main1", "env"))).toMatchObject(planned);
  });
});

describe("an image with values of its own", () => {
  const own = "skein/launchers:own";

  beforeAll(async () => {
    const { lab } = await cluster();
    const files = [
      { path: "/job", type: "directory" as const, mode: 0o755, uid: 0, gid: 0 },
      { path: "/job/hostfile", type: "file" as const, mode: 0o644, uid: 0, gid: 0, content: "mine\n" },
    ];
    const tar = await packEntries(files);
    await Promise.all(
      lab.hosts.map(async ({ docker }) => {
        const container = await docker.createContainer({ Image: image, Cmd: ["true"] });
        await container.putArchive(tar, { path: "/" });
        await container.commit({ repo: "skein/launchers", tag: "own", changes: "ENV MASTER_ADDR=ps9" });
        await container.remove();
      }),
    );
  });

  test("keeps them, and what follows them agrees", async () => {
    const one = await session({ image: own });
    expect(
      await sh(one, "main1", "cat /job/hostfile; echo $MASTER_ADDR $PET_MASTER_ADDR $PET_MASTER_PORT"),
    ).toBe("mine\nps9 ps9 29500\n");
  });
});

describe("limits", () => {
  const limitsOf =
    'df -P -B1 /dev/shm | grep -o "[0-9]\\{7,\\}" | head -n 1; ulimit -n; ulimit -Hn; ulimit -l';

  test("are as high as the engine can give, /dev/shm as large as the memory, and both are shown", async () => {
    const one = await session({
      image,
      roles: [
        { name: "main", replicas: 1 },
        {
          name: "sub",
          replicas: 1,
          resources: { memory: "96MiB" },
          ulimits: { nofile: 4096, memlock: "64KiB" },
        },
      ],
    });
    const { body: node } = await request<NodeView>("GET", `/v1/nodes/${containerOf(one, "main1").nodeId}`);
    const { memlock, nofile } = node.facts.ulimits!;
    const kib = memlock === "unlimited" ? memlock : String(memlock! / 1024);
    expect(await sh(one, "main1", limitsOf)).toBe(
      `${node.capacity.memory / 2}\n${nofile}\n${nofile}\n${kib}\n`,
    );
    expect(await sh(one, "main1", `ssh sub1 '${limitsOf}'`)).toBe(`${96 * 2 ** 20}\n4096\n4096\n64\n`);
    expect(containerOf(one, "main1").limits).toEqual({ shm: node.capacity.memory / 2, memlock, nofile });
    expect(containerOf(one, "sub1").limits).toEqual({ shm: 96 * 2 ** 20, memlock: 65536, nofile: 4096 });
  });

  test("that no engine here can give are refused by name", async () => {
    const { status, body } = await request<{ code: string; nodes: { reason: string }[] }>(
      "POST",
      "/v1/plans",
      {
        image,
        ulimits: { nofile: 2 ** 30 },
      },
    );
    expect([status, body.code]).toEqual([409, "unschedulable"]);
    expect(body.nodes[0]!.reason).toMatch(/^cannot give nofile 1073741824 \(at most \d+\)$/);
  });
});

describe("with hostNetwork", () => {
  let agents: Agent[] = [];

  beforeAll(async () => {
    const { lab, api } = await cluster();
    const flags = ["--allow", "host-network", "--cpu", "4"];
    const joined = lab.hosts.slice(0, 2).map(async (host) => {
      const { body } = await request<{ token: string }>("POST", "/v1/join-tokens");
      return startAgent(host, { api: api.url, joinToken: body.token, name: `${host.name}-wide`, flags });
    });
    agents = await Promise.all(joined);
  });

  afterAll(async () => {
    await Promise.all(open.splice(0).map(end));
    for (const agent of agents) {
      await agent.kill("SIGTERM");
      await request("DELETE", `/v1/nodes/${agent.name}?force=true`);
    }
  });

  test("the interface has one name on all nodes, and its first address is the container's", async () => {
    const wide = await session({ image, clusterMode: "multi-node", clusterSize: 2, hostNetwork: true });
    const said = await Promise.all(
      wide.containers.map(async ({ host, address }) => {
        const shown = await sh(
          wide,
          host,
          'echo $NCCL_SOCKET_IFNAME; ip -o -4 a show dev "$GLOO_SOCKET_IFNAME"',
        );
        const [name, first] = shown.split("\n");
        return { name, isOwn: first!.includes(` ${address}/24 `) };
      }),
    );
    expect(said.map(({ isOwn }) => isOwn)).toEqual([true, true]);
    expect(new Set(said.map(({ name }) => name)).size).toBe(1);
    expect(await sh(wide, "main1", "ssh sub1 'echo $SSH_CONNECTION'")).toContain(
      wide.containers[0]!.address!,
    );
  });

  test("for some roles, the interface has one name in all containers, and the tools are told it and the subnet", async () => {
    const wide = await session({
      image,
      clusterMode: "multi-node",
      roles: [
        { name: "main", replicas: 1, hostNetwork: true },
        { name: "sub", replicas: 2 },
      ],
    });
    const names = new Set<string>();
    for (const host of ["main1", "sub1", "sub2"]) {
      const env = variables(await sh(wide, host, "env"));
      const { NCCL_SOCKET_IFNAME: name = "" } = env;
      names.add(name);
      expect(await sh(wide, host, `ip -o -4 address show dev ${name}`)).toContain(
        ` ${containerOf(wide, host).address}/`,
      );
      expect(env).toMatchObject({
        GLOO_SOCKET_IFNAME: name,
        UCX_NET_DEVICES: name,
        OMPI_MCA_btl_tcp_if_include: wide.network!.subnet,
      });
    }
    expect(names.size).toBe(1);
    expect(new Set(wide.containers.map(({ node }) => node)).size).toBe(2);
  });
});
