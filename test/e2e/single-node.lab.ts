/** A session of three on one node: names, variables, SSH and open ports on a private bridge. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { expectNames, expectOpen, expectSsh, expectVariables } from "./matrix.ts";
import { cluster, dockerOf, end, exec, running, sh } from "./skein.ts";

let session: SessionView;

beforeAll(async () => {
  session = await running({ image: "skein/debian:12", clusterSize: 3, name: "single" });
});
afterAll(() => end(session));

describe("a single-node session of size 3", () => {
  test("has hosts and ranks in order, all on one node, each running at its own address", () => {
    expect(
      session.containers.map(({ host, role, index, rank, status }) => [host, role, index, rank, status]),
    ).toEqual([
      ["main1", "main", 1, 0, "running"],
      ["sub1", "sub", 1, 1, "running"],
      ["sub2", "sub", 2, 2, "running"],
    ]);
    expect(new Set(session.containers.map((container) => container.node)).size).toBe(1);
    expect(new Set(session.containers.map((container) => container.address)).size).toBe(3);
    expect(session.network).toMatchObject({ driver: "bridge", encryption: "none" });
    expect(session.startedAt).not.toBeNull();
  });

  test("is on its own bridge network, not on Docker's default", async () => {
    const docker = await dockerOf(session, "main1");
    const networks = await Promise.all(
      session.containers.map(async ({ containerId, address }) => {
        const { NetworkSettings } = await docker.getContainer(containerId!).inspect();
        const attached = Object.values(NetworkSettings.Networks);
        expect(attached).toHaveLength(1);
        expect(attached[0]!.IPAddress).toBe(address);
        return attached[0]!.NetworkID;
      }),
    );
    expect(new Set(networks).size).toBe(1);
    const network = await docker.getNetwork(networks[0]!).inspect();
    expect(network.Name).toMatch(/^skein-/);
    expect(network.Driver).toBe("bridge");
    expect(Object.keys(network.Containers ?? {})).toHaveLength(3);
    expect(network.IPAM?.Config?.[0]?.Subnet).toBe(session.network!.subnet);
  });

  test("has all variables in every container and in every SSH session", () =>
    expectVariables(session, "main:1,sub:2"));

  test("has hostname and /etc/hosts right in each", () => expectNames(session));

  test("lets every ordered pair ssh, self included", () => expectSsh(session));

  test("lets each pair ping and connect on undeclared TCP and UDP ports", () => expectOpen(session));

  test("takes 60 SSH connections at once to one container", async () => {
    const script = `for i in $(seq 60); do ssh sub1 echo here & done; wait`;
    const said = await sh(session, "main1", script);
    expect(said.split("\n").filter((line) => line === "here")).toHaveLength(60);
  });

  test("copies files both ways with scp and sftp", async () => {
    const script = `set -e
      head -c 3000000 /dev/urandom > /tmp/a
      scp -q /tmp/a sub1:/tmp/b && scp -q sub1:/tmp/b /tmp/c && cmp /tmp/a /tmp/c
      printf 'put /tmp/a /tmp/d\\nget /tmp/d /tmp/e\\n' | sftp -q -b - sub2 >/dev/null && cmp /tmp/a /tmp/e
      rsync -a /tmp/a sub1:/tmp/f && ssh sub1 cat /tmp/f | cmp /tmp/a -`;
    await sh(session, "main1", script);
  });

  test("answers SSH on port 2200 too", async () => {
    expect(await sh(session, "main1", "ssh -p 2200 sub2 hostname")).toBe("sub2\n");
  });

  test("keeps strict host-key checking on: a host with another key is refused", async () => {
    const script = `set -e
      ssh-keygen -q -t ed25519 -N '' -f /tmp/other
      sed "s|ssh-ed25519 .*|$(cut -d' ' -f1,2 /tmp/other.pub)|" ~/.ssh/known_hosts > /tmp/known
      ! ssh -o UserKnownHostsFile=/tmp/known -o GlobalKnownHostsFile=/dev/null sub1 true`;
    const ran = await exec(session, "main1", ["bash", "-c", script]);
    expect(ran.stderr).toMatch(/host key|HOST IDENTIFICATION/i);
    expect(ran.code).toBe(0);
  });

  test("passes exit codes and binary data over SSH", async () => {
    expect((await exec(session, "main1", ["ssh", "sub1", "exit 7"])).code).toBe(7);
    await sh(session, "main1", "head -c 100000 /dev/urandom > /tmp/r; ssh sub1 cat < /tmp/r | cmp - /tmp/r");
  });

  test("cannot be reached from outside, even with a route to its subnet", async () => {
    const { lab } = await cluster();
    const node = lab.hosts.find((host) => host.name === session.containers[0]!.node)!;
    const other = lab.hosts.find((host) => host.name !== node.name)!;
    const subnet = session.network!.subnet;
    await other.exec(["ip", "route", "add", subnet, "via", node.address]);
    try {
      for (const { address } of session.containers) {
        const ping = await other.exec(["ping", "-c", "1", "-W", "1", address!]);
        expect(ping.code, ping.stdout).not.toBe(0);
        const ssh = await other.exec(["timeout", "1", "bash", "-c", `exec 3<>/dev/tcp/${address}/22`]);
        expect(ssh.code).not.toBe(0);
      }
    } finally {
      await other.exec(["ip", "route", "del", subnet]);
    }
  });
});
