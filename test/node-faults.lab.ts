/** Faults of a node while its agent runs: overlay or firewall deleted, engine down or late, disk full, clock wrong. */
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { networkName } from "../agent/docker/docker-names.ts";
import { linkNames } from "../agent/network/link-names.ts";
import { LABELS } from "../shared/protocol/names.ts";
import { leftovers } from "./lab/leftovers.ts";
import { smallDisk } from "./lab/small-disk.ts";
import { CLIENT, idle, spread, useAgentLab } from "./support/agent-lab.ts";
import { AgentProcess } from "./support/agent-process.ts";
import { clockWrongBy } from "./support/clock.ts";
import { Control } from "./support/control.ts";

const here = useAgentLab();
const { find, reported, sh } = here;

describe("a running agent", () => {
  test("puts back the overlay and the firewall that somebody deleted, while a session runs", async () => {
    const session = await here.control.run(spread(3, { image: "skein/debian:12" }));
    const { machine } = find(session, "main1");
    const ask = async (argv: string[], pattern: RegExp) =>
      pattern.exec((await machine.exec(argv)).stdout)?.[1];
    const device = () => ask(["ip", "-brief", "link", "show", "type", "vxlan"], /^(skv\S+)/m);
    const table = () => ask(["nft", "list", "tables"], /^table (\S+ skein-\S+)/m);
    const [link, rules] = await Promise.all([device(), table()]);
    await machine.exec(["ip", "link", "delete", link!]);
    await machine.exec(["nft", "delete", "table", ...rules!.split(" ")]);
    await vi.waitFor(async () => expect([await device(), await table()]).toEqual([link, rules]), 30_000);
    expect(await sh(session, "main1", "ssh sub1 hostname; ssh sub2 hostname")).toBe("sub1\nsub2\n");
    expect(await sh(session, "sub1", "ssh main1 hostname")).toBe("main1\n");
    await here.control.remove(session);
  });
});

describe("an overlay that is deleted during the SSH proof", () => {
  test("is put back in time for the proof", async () => {
    const session = here.control.plan(spread(3));
    await here.control.reach(session, "prepared");
    const { machine } = find(session, "main1");
    const { stdout } = await machine.exec(["ip", "-brief", "link", "show", "type", "vxlan"]);
    await machine.exec(["ip", "link", "delete", /^skv\S+/m.exec(stdout)![0]]);
    await here.control.reach(session, "started");
    await here.control.remove(session);
  });
});

describe("an engine whose firewall rules were flushed", () => {
  test("leaves no bridge of a network that it could make only in part", async () => {
    const session = here.control.plan(idle(2));
    const { machine, node } = find(session, "main1");
    await machine.exec(["nft", "flush", "ruleset"]);
    here.control.ask(session, "prepared");
    await here.control.until(() => here.control.reportOf(node, session.id)?.failure);
    const { stdout } = await machine.exec(["ip", "-brief", "link", "show", "type", "bridge"]);
    expect(stdout).toMatch(/^skb/m);
    await here.control.remove(session);
    await machine.stopEngine();
    await machine.startEngine();
  });
});

describe("an engine that was away", () => {
  test("has its containers' ends reported when it is back", async () => {
    const session = await here.control.run(idle(2));
    const { machine } = find(session, "main1");
    await machine.stopEngine();
    await machine.startEngine();
    await here.control.until(() =>
      ["main1", "sub1"].every((each) => reported(session, each).status === "exited"),
    );
    await here.control.remove(session);
  });

  test("has pending removals done when it is back", async () => {
    const session = await here.control.run(idle(2));
    const { machine, node } = find(session, "main1");
    await machine.stopEngine();
    here.control.ask(session, "removed");
    await here.control.until(() => here.control.reportOf(node, session.id)?.failure);
    await machine.startEngine();
    await here.control.remove(session);
  });
});

describe("an engine that is dead", () => {
  test("ends its node's link until it is back", async () => {
    const { host } = here.agents[0]!;
    await host.killEngine();
    await here.control.connected(2);
    await host.startEngine();
    await here.control.connected(3);
    const session = await here.control.run(spread(3));
    await here.control.remove(session);
  });
});

describe("a bridge of ours that the engine made again for a network which it does not list", () => {
  test("is removed with its rules, and one with a similar name stays", async () => {
    const session = await here.control.run(idle(1));
    const { machine, node } = find(session, "main1");
    const { bridge } = linkNames({ fleet: here.control.fleet, node }, "ses_phantom");
    const alike = `${bridge.slice(0, 8)}-mine`;
    const rules = [
      ["nat", "POSTROUTING", "-s", "10.64.9.0/24", "!", "-o", bridge, "-j", "MASQUERADE"],
      ["filter", "FORWARD", "-i", bridge, "!", "-o", bridge, "-j", "ACCEPT"],
      ["filter", "FORWARD", "-o", alike, "-j", "ACCEPT"],
    ];
    for (const name of [bridge, alike]) await machine.exec(["ip", "link", "add", name, "type", "bridge"]);
    for (const [table, chain, ...rule] of rules)
      await machine.exec(["iptables", "--table", table!, "--append", chain!, ...rule]);
    const seen = async () => {
      const links = (await machine.exec(["ip", "-brief", "link", "show", "type", "bridge"])).stdout;
      const saved = (await machine.exec(["iptables-save"])).stdout;
      return [bridge, alike].map((name) => [links.includes(name), saved.includes(name)]);
    };
    expect(await seen()).toEqual([
      [true, true],
      [true, true],
    ]);
    await here.away("SIGKILL");
    await vi.waitFor(async () => expect((await seen())[0]).toEqual([false, false]));
    expect((await seen())[1]).toEqual([true, true]);
    const [table, chain, ...rule] = rules[2]!;
    await machine.exec(["iptables", "--table", table!, "--delete", chain!, ...rule]);
    await machine.exec(["ip", "link", "delete", alike]);
    expect(await sh(session, "main1", "hostname")).toBe("main1\n");
    await here.control.remove(session);
  });
});

describe("an engine that does late what a killed agent had asked of it", () => {
  test("has the result removed, and nothing of another agent", async () => {
    const session = await here.control.run(idle(1));
    const { docker, node } = find(session, "main1");
    await here.control.remove(session);
    const labels = (fleet: string) => ({
      [LABELS.fleet]: fleet,
      [LABELS.node]: node,
      [LABELS.session]: session.id,
      [LABELS.epoch]: "1",
    });
    const make = async (fleet: string, name: string) => {
      await docker.createNetwork({ Name: name, Labels: labels(fleet), CheckDuplicate: true });
      await docker.createContainer({
        name: `${name}-main1`,
        Image: "skein/busybox:1",
        Cmd: ["true"],
        Labels: labels(fleet),
      });
    };
    await make("flt_other", "skein-0123456789ab");
    await make(here.control.fleet, networkName({ fleet: here.control.fleet, node }, session.id));
    const names = async () => {
      const containers = await docker.listContainers({ all: true, filters: { label: [LABELS.fleet] } });
      const networks = await docker.listNetworks({ filters: { label: [LABELS.fleet] } });
      return [...containers.map(({ Names }) => Names[0]), ...networks.map(({ Name }) => Name)];
    };
    const theirs = ["/skein-0123456789ab-main1", "skein-0123456789ab"];
    await vi.waitFor(async () => expect(await names()).toEqual(theirs));
    await docker.getContainer("skein-0123456789ab-main1").remove();
    await docker.getNetwork("skein-0123456789ab").remove();
  });
});

describe("a node", () => {
  /** An agent of another fleet on the first host, with its state in `stateDir`. */
  async function lone(stateDir: string, env?: NodeJS.ProcessEnv) {
    const { host } = here.agents[0]!;
    const control = await Control.listen(CLIENT, "flt_lone");
    const agent = new AgentProcess(host, control.url, { stateDir }, env).start();
    await control.connected(1);
    onTestFinished(async () => {
      await agent.kill("SIGTERM");
      await control.close();
    });
    return { host, control, agent };
  }

  test("whose disk is full reports it, leaves nothing behind, and works again once there is space", async () => {
    const stateDir = join(here.agents[0]!.host.dir, "agent-full");
    const disk = await smallDisk(stateDir);
    onTestFinished(() => disk.unmount());
    const { control, host } = await lone(stateDir);
    disk.fill();
    const session = control.plan(idle(2));
    await expect(control.reach(session, "prepared")).rejects.toThrow(/^disk_full: ((main|sub)1: )?ENOSPC/);
    await control.remove(session);
    expect(await leftovers([{ host, stateDir }])).toEqual([]);
    disk.free();
    await control.remove(await control.run(idle(2)));
    expect(await leftovers([{ host, stateDir }])).toEqual([]);
  });

  test.each([-3, 3])("whose clock is wrong by %i days works", async (days) => {
    const ms = days * 86_400_000;
    const stateDir = join(here.agents[0]!.host.dir, `agent-off-by-${days}`);
    const { control, host, agent } = await lone(stateDir, clockWrongBy(ms));
    const session = await control.run(idle(2));
    await agent.kill("SIGKILL");
    await control.connected(0);
    control.reports.length = 0;
    agent.start();
    await control.reach(session, "running");
    await control.remove(session);
    // Its clock really was wrong.
    expect(agent.log).toContain(new Date(Date.now() + ms).toISOString().slice(0, 10));
    expect(await leftovers([{ host, stateDir }])).toEqual([]);
  });
});
