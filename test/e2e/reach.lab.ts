/** Containers' access to the node itself: only what its operator has allowed. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Dockerode from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { type Agent, startAgent } from "../lab/cluster.ts";
import { Laptop } from "./laptop.ts";
import { cluster, containerOf, create, end, exec, request, running, sh } from "./skein.ts";

const image = "skein/debian:12";
const NAMES = ["node1-open", "node2-open"];

interface Problem {
  code: string;
  errors?: { field: string; message: string }[];
}

/** Two more nodes on the cluster's first two hosts. */
const agents: Agent[] = [];
let data: string;
let scratch: string;

beforeAll(async () => {
  const { lab, api } = await cluster();
  data = join(lab.hosts[0]!.dir, "data");
  scratch = join(lab.hosts[0]!.dir, "scratch");
  await Promise.all([mkdir(data), mkdir(scratch)]);
  await writeFile(join(data, "set"), "of the node\n");
  const allow = [`mount=${data}`, `mount=${scratch}:rw`, "device=/dev/fuse", "privileged", "host-network"];
  for (const [i, name] of NAMES.entries()) {
    const { body } = await request<{ token: string }>("POST", "/v1/join-tokens");
    const flags = [...allow.flatMap((what) => ["--allow", what]), "--cpu", "4"];
    const agent = await startAgent(lab.hosts[i]!, { api: api.url, joinToken: body.token, name, flags });
    agents.push(agent);
  }
});

afterAll(async () => {
  for (const agent of agents) await agent.kill("SIGTERM");
  for (const name of NAMES) await request("DELETE", `/v1/nodes/${name}?force=true`);
});

/** The engine's error for a privileged container; undefined if it starts one. */
async function privilegedOn(docker: Dockerode): Promise<string | undefined> {
  const HostConfig = { Privileged: true, NetworkMode: "none" };
  const container = await docker.createContainer({ Image: image, Cmd: ["sleep", "60"], HostConfig });
  const said = await container.start().then(
    () => undefined,
    (error: { json: { message: string } }) => error.json.message,
  );
  await container.remove({ force: true });
  return said?.replace(/^.*: (unable to .*?)(: unknown)?$/, "$1");
}

const nodesOf = (session: SessionView) => session.containers.map(({ node }) => node);

describe("a mount", () => {
  test("is readable; the session is placed where it is allowed", async () => {
    const session = await running({ image, mounts: [{ source: data, target: "/data" }] });
    expect(NAMES).toContain(nodesOf(session)[0]);
    expect(await sh(session, "main1", "cat /data/set")).toBe("of the node\n");
    expect((await exec(session, "main1", ["touch", "/data/new"])).stderr).toMatch(/Read-only file system/);
    await end(session);
  });

  test("may be written to if that is allowed, and not otherwise", async () => {
    const mounts = [{ source: scratch, target: "/scratch", readOnly: false }];
    const session = await running({ image, clusterSize: 2, mounts });
    await sh(session, "main1", "echo mine >/scratch/file");
    expect(await sh(session, "sub1", "cat /scratch/file")).toBe("mine\n");
    await end(session);
    expect(await readFile(join(scratch, "file"), "utf8")).toBe("mine\n");

    const more = await request<Problem>("POST", "/v1/sessions", {
      image,
      mounts: [{ source: data, target: "/data", readOnly: false }],
    });
    expect([more.status, more.body.code, more.body.errors?.[0]?.field]).toEqual([
      403,
      "not_allowed",
      "mounts",
    ]);
  });

  test("does not reach below or beside what is allowed", async () => {
    for (const source of [`${data}/set`, `${data}x`, join(data, "..")]) {
      const { status, body } = await request<Problem>("POST", "/v1/plans", {
        image,
        mounts: [{ source, target: "/data" }],
      });
      expect([status, body.code], source).toEqual([403, "not_allowed"]);
    }
  });

  test("cannot take the place of the user's keys: they would stay on the node", async () => {
    const session = await create({ image, mounts: [{ source: scratch, target: "/root", readOnly: false }] });
    expect(session.status).toBe("failed");
    expect(session.reason).toContain("nothing can be mounted at /root");
  });
});

describe("a device", () => {
  test("can be opened if it is allowed", async () => {
    const session = await running({ image, devices: ["/dev/fuse"] });
    expect(NAMES).toContain(nodesOf(session)[0]);
    await sh(session, "main1", "exec 3<>/dev/fuse");
    await end(session);
  });
});

describe("privileged containers", () => {
  test("may do what root may, as far as the engine has the rights", async () => {
    const { lab } = await cluster();
    const refusal = await privilegedOn(lab.hosts[0]!.docker);
    const session = await create({ image, clusterSize: 2, privileged: true });
    expect(NAMES).toContain(nodesOf(session)[0]);
    if (refusal === undefined) {
      expect(session.status, session.reason ?? "").toBe("running");
      await sh(session, "main1", "mkdir /m && mount -t tmpfs tmpfs /m && ssh sub1 hostname");
      await end(session);
    } else {
      // An engine that lacks rights itself reports it: the machine of these tests may be a container.
      expect(session.status).toBe("failed");
      expect(session.reason).toContain(refusal);
    }
  });
});

describe("containers on the node's own network", () => {
  let session: SessionView;

  beforeAll(async () => {
    session = await running({
      clusterMode: "multi-node",
      roles: [
        { name: "main", replicas: 2, image, hostNetwork: true },
        { name: "worker", replicas: 2, image },
      ],
    });
  });

  test("see its interfaces, and still have a name and an address in the session", async () => {
    const { lab } = await cluster();
    expect([...new Set(nodesOf(session))].sort()).toEqual(NAMES);
    for (const host of ["main1", "main2"]) {
      const at = NAMES.indexOf(containerOf(session, host).node!);
      const addresses = await sh(session, host, "cat /proc/net/fib_trie; hostname");
      expect(addresses).toContain(lab.hosts[at]!.address);
      expect(addresses).toMatch(new RegExp(`${host}\n$`));
      expect(await sh(session, host, `getent hosts ${host}`)).toContain(containerOf(session, host).address);
    }
    expect(await sh(session, "worker1", "cat /proc/net/fib_trie")).not.toContain(lab.hosts[0]!.address);
  });

  test("reach all others, and are reachable, by SSH, ping, and on any port", async () => {
    const hosts = session.containers.map(({ host }) => host);
    const tried = hosts.flatMap((from) =>
      hosts.map(async (to) => {
        const script = `ping -c 1 -W 5 ${to} >/dev/null && ssh ${to} 'echo $BACKENDAI_CLUSTER_HOST'`;
        return (await exec(session, from, ["sh", "-c", script])).stdout.trim();
      }),
    );
    expect(await Promise.all(tried)).toEqual(hosts.flatMap(() => hosts));
  });

  test("are entered by skein ssh as all others, at their addresses in the session", async () => {
    const laptop = await Laptop.of();
    const hosts = session.containers.map(({ host }) => host);
    const entered = hosts.map((host) => laptop.skein(["ssh", session.name, host, "hostname"]));
    const printed = (await Promise.all(entered).finally(() => laptop.close())).map(({ stdout }) => stdout);
    expect(printed).toEqual(hosts.map((host) => `${host}\n`));
  });

  test("make the node's services reachable for their own session, and for no other", async () => {
    const { lab } = await cluster();
    const { address, node } = containerOf(session, "main1");
    const serve =
      "require('net').createServer((s) => s.on('error', () => {}).end()).listen(9997, () => console.log('ready'))";
    const service = lab.hosts[NAMES.indexOf(node!)]!.spawn([process.execPath, "-e", serve]);
    await new Promise((resolve) => service.stdout!.once("data", resolve));
    const other = await running({ image, placement: { labels: {} }, devices: ["/dev/fuse"], clusterSize: 1 });
    try {
      const open = async (from: SessionView, host: string) =>
        (await exec(from, host, ["bash", "-c", `timeout 2 bash -c 'exec 3<>/dev/tcp/${address}/9997'`])).code;
      expect(await open(session, "worker1")).toBe(0);
      expect(await open(session, "worker2")).toBe(0);
      expect(await open(other, "main1")).not.toBe(0);
      const outside = await lab.api.exec(["timeout", "2", "bash", "-c", `exec 3<>/dev/tcp/${address}/9997`]);
      expect(outside.code).not.toBe(0);
    } finally {
      service.kill("SIGKILL");
      await end(other);
    }
  });

  test("leave nothing behind", async () => {
    const { leftovers } = await cluster();
    await end(session);
    expect(await leftovers()).toEqual([]);
    for (const agent of agents) {
      const addresses = (await agent.host.exec(["ip", "-4", "-br", "address"])).stdout;
      expect(addresses).not.toContain(session.network!.subnet.replace(/\.\d+\/\d+$/, "."));
    }
  });

  test("work on one node too, all of them or some", async () => {
    const roles = [
      { name: "main", replicas: 2, image, hostNetwork: true },
      { name: "sub", replicas: 1, image },
    ];
    const one = await running({ roles });
    const hosts = ["main1", "main2", "sub1"];
    for (const from of hosts) {
      const script = hosts.map((to) => `ssh ${to} hostname`).join(" && ");
      expect((await sh(one, from, script)).split("\n")).toEqual([...hosts, ""]);
    }
    await end(one);
    const { leftovers } = await cluster();
    expect(await leftovers()).toEqual([]);
  });

  test("need root: SSH is on port 22 of the node's address", async () => {
    const failed = await create({ image, hostNetwork: true, user: "1000" });
    expect(failed.status).toBe("failed");
    expect(failed.reason).toContain("its user must be root");
  });
});

describe("a node that allows nothing", () => {
  test("says so in a plan, and the allowance is among its node's facts", async () => {
    const { body } = await request<{ facts: NodeView["facts"] }>("GET", `/v1/nodes/${NAMES[0]}`);
    expect(body.facts.allows).toEqual({
      mounts: [
        { source: data, readOnly: true },
        { source: scratch, readOnly: false },
      ],
      devices: ["/dev/fuse"],
      privileged: true,
      hostNetwork: true,
    });
    const plan = await request<{ code: string; nodes: { node: string; reason: string }[] }>(
      "POST",
      "/v1/plans",
      {
        image,
        privileged: true,
        resources: { cpu: 5 },
      },
    );
    expect([plan.status, plan.body.code]).toEqual([409, "unschedulable"]);
    const reasons = new Map(plan.body.nodes.map(({ node, reason }) => [node, reason]));
    expect(reasons.get(NAMES[0]!)).toBe("needs 5 cores, 4 of 4 free");
    const { lab } = await cluster();
    expect(reasons.get(lab.hosts[0]!.name)).toBe("does not allow privileged containers");
  });
});
