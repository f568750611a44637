/** The agent on real engines, against a control plane in memory: sessions from prepared to removed, and containers that end. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NOTHING_ALLOWED } from "../shared/request/allowed.ts";
import { leftovers } from "./lab/leftovers.ts";
import { CLIENT, idle, spread, useAgentLab } from "./support/agent-lab.ts";
import { AgentProcess } from "./support/agent-process.ts";
import { Control } from "./support/control.ts";

const here = useAgentLab();
const { find, reported, sh } = here;

describe("from prepared to removed", () => {
  test("on one node: names, variables, SSH, limits; then nothing is left", async () => {
    const session = await here.control.run({
      image: "skein/debian:12",
      clusterSize: 3,
      resources: { memory: "64MiB", cpu: 0.5 },
      env: { COMMON: "it's $HOME" },
    });
    expect(await sh(session, "main1", "for h in main1 sub1 sub2; do ssh $h hostname; done")).toBe(
      "main1\nsub1\nsub2\n",
    );
    expect(await sh(session, "sub2", "ssh main1 'echo $BACKENDAI_CLUSTER_LOCAL_RANK $COMMON'")).toBe(
      "0 it's $HOME\n",
    );
    expect(
      await sh(session, "sub1", "getent hosts main1 sub2 | wc -l; cat /sys/class/net/eth0/address"),
    ).toMatch(/^2\n02:42:/);
    const { docker, id } = find(session, "main1");
    expect((await docker.getContainer(id).inspect()).HostConfig).toMatchObject({
      Memory: 64 * 2 ** 20,
      NanoCpus: 5e8,
    });
    expect(["main1", "sub1", "sub2"].map((host) => reported(session, host).status)).toEqual(
      Array(3).fill("running"),
    );
    await here.control.remove(session);
  });

  test("over three nodes: SSH and bulk data between any two", async () => {
    const session = await here.control.run({
      image: "skein/debian:12",
      clusterSize: 4,
      clusterMode: "multi-node",
    });
    expect(new Set(session.parts.keys()).size).toBe(3);
    for (const host of ["sub1", "sub2", "sub3"]) {
      expect(await sh(session, "main1", `head -c 1000000 /dev/zero | ssh ${host} 'wc -c; hostname'`)).toBe(
        `1000000\n${host}\n`,
      );
    }
    await here.control.remove(session);
  });

  test("reminders change nothing, and one for a removed session gets an answer", async () => {
    const session = await here.control.run(idle(2));
    const { id, docker } = find(session, "main1");
    for (const phase of ["prepared", "running", "started"] as const) here.control.ask(session, phase);
    await here.control.reach(session, "running");
    expect((await docker.getContainer(id).inspect()).State.Running).toBe(true);
    await here.control.remove(session);
    here.control.reports.length = 0;
    const again = await here.control.remove(session);
    expect(again.flatMap(({ containers }) => containers)).toMatchObject([
      { host: "main1", status: "removed", exitCode: 143 },
      { host: "sub1", status: "removed", exitCode: 143 },
    ]);
  });

  test("a plan of a newer epoch replaces what an older one made", async () => {
    const session = await here.control.run(spread(3));
    const before = find(session, "main1").id;
    const next = here.control.plan(spread(3), { id: session.id, epoch: 2 });
    for (const phase of ["prepared", "started", "running"] as const) await here.control.reach(next, phase);
    expect(find(next, "main1").id).not.toBe(before);
    expect(await sh(next, "main1", "ssh sub2 hostname")).toBe("sub2\n");
    await here.control.remove(next);
  });

  test("the same session removed and made again at once, several at a time", async () => {
    await Promise.all(
      [1, 2].map(async () => {
        const session = await here.control.run(spread(4));
        expect(await sh(session, "sub3", "ssh main1 hostname")).toBe("main1\n");
        await here.control.remove(session, true);
      }),
    );
  });

  test("a foreign container on the session's network does not hold up its end, and runs on without the network", async () => {
    const session = await here.control.run(idle(1));
    const { docker, id } = find(session, "main1");
    const { NetworkSettings } = await docker.getContainer(id).inspect();
    const theirs = await docker.createContainer({
      Image: "skein/busybox:1",
      Cmd: ["sleep", "inf"],
      HostConfig: { NetworkMode: Object.keys(NetworkSettings.Networks)[0]! },
    });
    await theirs.start();
    await here.control.remove(session);
    expect((await theirs.inspect()).State.Running).toBe(true);
    await theirs.remove({ force: true });
  });

  test("no private key is in any frame or log", async () => {
    const session = await here.control.run(spread(3));
    const secret = (await sh(session, "main1", "sed 1d\\;\\$d ~/.ssh/id_ed25519 | head -c 200")).replaceAll(
      "\n",
      "",
    );
    expect(secret.length).toBeGreaterThan(100);
    const said = [...here.control.heard, ...here.agents.map(({ log }) => log)].join("\n");
    expect(said).not.toContain(secret.slice(-40));
    expect(said).not.toMatch(/PRIVATE KEY|"d":/);
    await here.control.remove(session);
  });
});

describe("containers on their nodes' own network", () => {
  test("prove that they reach each other, also if a node does not answer pings", async () => {
    const control = await Control.listen(CLIENT, "flt_open");
    const allowed = { ...NOTHING_ALLOWED, hostNetwork: true };
    const agents = here.agents.map(({ host }) =>
      new AgentProcess(host, control.url, { stateDir: join(host.dir, "agent-open"), allowed }).start(),
    );
    try {
      await control.connected(3);
      const ignore = (value: 0 | 1) =>
        here.agents[2]!.host.exec(["sysctl", "-q", `net.ipv4.icmp_echo_ignore_all=${value}`]);
      await ignore(1);
      const session = await control.run({
        image: "skein/debian:12",
        clusterMode: "multi-node",
        roles: [
          { name: "main", replicas: 1 },
          { name: "sub", replicas: 2, hostNetwork: true },
        ],
      });
      await ignore(0);
      await control.remove(session);
      expect(await leftovers(agents)).toEqual([]);
    } finally {
      await Promise.all(agents.map((agent) => agent.kill("SIGTERM")));
      await control.close();
    }
  });
});

describe("containers that end", () => {
  test("with 3: the code and the last 4 KiB of both streams are reported, the others run on", async () => {
    const session = await here.control.run({
      image: "skein/debian:12",
      roles: [
        { name: "main", replicas: 1 },
        { name: "short", replicas: 1, command: ["sh", "-c", "echo out; echo err >&2; exit 3"] },
        { name: "long", replicas: 1, command: ["seq", "1", "5000"] },
      ],
    });
    await here.control.until(() =>
      ["short1", "long1"].every((host) => reported(session, host).status === "exited"),
    );
    const { exitCode, output } = reported(session, "short1");
    expect([exitCode, output!.split("\n").sort()]).toEqual([3, ["", "err", "out"]]);
    expect(Buffer.byteLength(reported(session, "long1").output!)).toBe(4096);
    expect(reported(session, "long1").output).toMatch(/4999\n5000\n$/);
    expect(reported(session, "main1").status).toBe("running");
    const removed = await here.control.remove(session);
    expect(removed[0]!.containers.find(({ host }) => host === "short1")).toMatchObject({
      exitCode: 3,
      output,
    });
  });

  test("because the command is missing, or is no program: the reason says so", async () => {
    const session = await here.control.run({
      image: "skein/debian:12",
      roles: [
        { name: "main", replicas: 1, command: ["no-such-command", "x"] },
        { name: "file", replicas: 1, command: ["/etc/passwd"] },
      ],
    });
    await here.control.until(() =>
      ["main1", "file1"].every((host) => reported(session, host).status === "exited"),
    );
    expect(reported(session, "main1")).toMatchObject({
      exitCode: 127,
      reason: expect.stringMatching(/not found: no-such-command/),
    });
    expect(reported(session, "file1")).toMatchObject({
      exitCode: 126,
      reason: expect.stringContaining("/etc/passwd"),
    });
    await here.control.remove(session);
  });

  test("because memory ran out: the reason says so", async () => {
    const session = await here.control.run({
      image: "skein/debian:12",
      resources: { memory: "32MiB" },
      command: ["sh", "-c", "x=$(head -c 200000000 /dev/zero | tr '\\0' x)"],
    });
    await here.control.until(() => reported(session, "main1").status === "exited");
    expect(reported(session, "main1").reason).toMatch(/memory/);
    await here.control.remove(session);
  });

  test("a container that is removed from outside is lost", async () => {
    const session = await here.control.run(idle(2));
    const { docker, id } = find(session, "sub1");
    await docker.getContainer(id).remove({ force: true });
    await here.control.until(() => ["lost", "exited"].includes(reported(session, "sub1").status));
    await here.control.remove(session);
  });

  test("a command that ignores SIGTERM is killed at once if the removal says so, also after a SIGTERM", async () => {
    const session = await here.control.run({
      image: "skein/debian:12",
      command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
    });
    const before = performance.now();
    here.control.ask(session, "removed");
    const [report] = await here.control.remove(session, true);
    expect(performance.now() - before).toBeLessThan(8_000);
    expect(report!.containers[0]).toMatchObject({ status: "removed", exitCode: 137 });
  });
});
