/**
 * Launchers and SSH clients from Debian's packages, each without a flag or a file: what a user types on a cluster made by hand. `npm test` tries
 * each once. `npm run launchers` tries each as root and as a user, and what takes long.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Session } from "../sdk/index.ts";
import { type Cluster, startCluster } from "./lab/cluster.ts";
import { skeinOf } from "./support/command-line.ts";

const ALLREDUCE = readFileSync(join(import.meta.dirname, "support/allreduce.py"), "utf8");
const FOUR = ["main1", "sub1", "sub2", "sub3"];
const MPI = [
  { mpi: "Open MPI 4", image: "skein/tools:12" },
  { mpi: "Open MPI 5", image: "skein/openmpi:5" },
  { mpi: "MPICH", image: "skein/mpich:4" },
];

const isWhole = process.env["SKEIN_LAUNCHERS"] === "whole";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({
    hosts: 3,
    images: ["launchers"],
    agentFlags: ["--cpu", "8", "--memory", "16GiB", "--allow", "host-network"],
  });
});
afterAll(() => cluster.close());

/** A job in four containers that sums the ranks of as many processes: [host, rank, sum] of each, by rank. */
async function allreduce(processes: number, image: string, ...options: string[]): Promise<string[][]> {
  const job = ["run", "--image", image, "--size", "4", "--mode", "multi-node", ...options, "--"];
  const program = ["mpirun", "-n", String(processes), "python3", "-c", ALLREDUCE];
  const { code, stdout, stderr } = await skeinOf(cluster, [...job, ...program]);
  expect(code, stdout + stderr).toBe(0);
  const lines = stdout.trim().split("\n");
  return lines.map((line) => line.split(" ")).sort(([, a], [, b]) => Number(a) - Number(b));
}

describe.each(MPI)("$mpi", ({ mpi, image }) => {
  test.each([
    { who: "root", options: [] },
    ...(isWhole ? [{ who: "a user", options: ["--user", "dev"] }] : []),
  ])("as $who puts four processes on four hosts, and they find each other", async ({ options }) => {
    const said = await allreduce(4, image, ...options);
    expect(said.map(([host]) => host).sort()).toEqual(FOUR);
    expect(said.map(([, rank, sum]) => [rank, sum])).toEqual([0, 1, 2, 3].map((rank) => [`${rank}`, "6"]));
  });

  test.runIf(isWhole || mpi === "Open MPI 5")("finds its way on the nodes' own networks", async () => {
    const said = await allreduce(3, image, "--size", "3", "--host-network");
    expect(said.map(([, rank, sum]) => [rank, sum])).toEqual([0, 1, 2].map((rank) => [`${rank}`, "3"]));
  });

  test.runIf(isWhole || mpi === "MPICH").each(["main", "sub"])(
    "finds its way where %s alone is on its nodes' network",
    async (alone) => {
      const roles = [
        { name: "main", replicas: 1, hostNetwork: alone === "main" },
        { name: "sub", replicas: 2, hostNetwork: alone === "sub" },
      ];
      const session = await cluster.create({ image, roles, clusterMode: "multi-node" });
      expect(session.status, session.reason ?? "").toBe("running");
      const program = ["timeout", "30", "mpirun", "-n", "3", "python3", "-c", ALLREDUCE];
      const { code, stdout, stderr } = await cluster.exec(session, "main1", program);
      expect(code, stdout + stderr).toBe(0);
      expect(stdout.trim().split("\n").sort()).toEqual(["main1 0 3", "sub1 1 3", "sub2 2 3"]);
      await cluster.end(session);
    },
  );

  test.runIf(isWhole)("puts two processes on each container of two cores", async () => {
    const said = await allreduce(8, image, "--cpu", "2");
    expect(said.map(([host]) => host).sort()).toEqual(FOUR.flatMap((host) => [host, host]));
    expect(new Set(said.map(([, , sum]) => sum))).toEqual(new Set(["28"]));
  });
});

/** SSH by libraries that read `~/.ssh` themselves. */
const PARAMIKO = `
import paramiko
client = paramiko.SSHClient()
client.load_system_host_keys()
client.connect("sub1")
print(client.exec_command("hostname")[1].read().decode(), end="")
client.open_sftp().stat("/etc/passwd")
`;
const ASYNCSSH = `
import asyncio, asyncssh
async def main():
    async with asyncssh.connect("sub1") as client:
        print((await client.run("hostname", check=True)).stdout, end="")
asyncio.run(main())
`;
const DASK = `
import socket
from dask.distributed import Client, SSHCluster
if __name__ == "__main__":
    with SSHCluster(["main1", "sub1", "sub2"]) as cluster, Client(cluster) as client:
        client.wait_for_workers(2)
        print(*sorted(client.run(socket.gethostname).values()))
`;

describe.each(isWhole ? ["root", "dev"] : ["dev"])("in a session of three, as %s", (user) => {
  let session: Session;

  beforeAll(async () => {
    session = await cluster.create({
      image: "skein/tools:12",
      clusterSize: 3,
      clusterMode: "multi-node",
      user,
    });
    expect(session.status, session.reason ?? "").toBe("running");
  });
  afterAll(() => cluster.end(session));

  async function onMain(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await cluster.exec(session, "main1", argv);
    expect(code, `${stdout}${stderr}`).toBe(0);
    return stdout;
  }
  const sh = (script: string) => onMain("bash", "-euo", "pipefail", "-c", script);

  test("pdsh reaches all", async () => {
    const lines = (await onMain("pdsh", "hostname")).trim().split("\n").sort();
    expect(lines).toEqual(["main1: main1", "sub1: sub1", "sub2: sub2"]);
  });

  test("Ansible reaches all, and each role's group", async () => {
    const reached = async (group: string) => {
      const said = await onMain("ansible", group, "-o", "-m", "ping");
      return [...said.matchAll(/^(\w+) \| SUCCESS/gm)].map(([, host]) => host).sort();
    };
    expect(await reached("all")).toEqual(["main1", "sub1", "sub2"]);
    expect(await reached("sub")).toEqual(["sub1", "sub2"]);
  });

  // An example that every run tries does the same.
  test.runIf(isWhole)("Dask's SSHCluster starts a worker on each", async () => {
    expect(await sh(`cd ~ && cat > d.py <<'EOF'\n${DASK}\nEOF\npython3 d.py`)).toBe("sub1 sub2\n");
  });

  test.each([
    ["paramiko", PARAMIKO],
    ["asyncssh", ASYNCSSH],
  ])("%s logs in by what it finds in ~/.ssh", async (_name, program) => {
    expect(await onMain("python3", "-c", program)).toBe("sub1\n");
  });

  test.runIf(isWhole)("rsync copies 10,000 files", async () => {
    const made =
      "import os\nos.makedirs('/tmp/many')\n" +
      "for i in range(10000): open(f'/tmp/many/{i}', 'w').write(str(i))";
    await onMain("python3", "-c", made);
    const sum = "cd /tmp/many && find . -type f | sort | xargs cat | sha256sum; ls /tmp/many | wc -l";
    await sh("rsync -a /tmp/many sub2:/tmp/");
    expect(await sh(`ssh sub2 "${sum}"`)).toBe(await sh(sum));
    expect(await sh("ls /tmp/many | wc -l")).toBe("10000\n");
  });

  test("git clones over ssh", async () => {
    await sh(
      "ssh sub1 'git init -q /tmp/origin && cd /tmp/origin && echo hello > a && git add a && " +
        "git -c user.name=a -c user.email=a@b commit -qm first'",
    );
    expect(await sh("git clone -q sub1:/tmp/origin /tmp/clone && cat /tmp/clone/a")).toBe("hello\n");
  });

  test.runIf(isWhole && user === "root")("rsync copies 1 GB", async () => {
    await sh("head -c 1G /dev/urandom > /tmp/large; rsync /tmp/large sub1:/tmp/");
    const [here, there] = await Promise.all([
      sh("md5sum < /tmp/large"),
      sh("ssh sub1 'md5sum < /tmp/large'"),
    ]);
    expect(there).toBe(here);
  });
});
