/** The agent on real engines: killed, stopped, replaced by another build, and beside other agents. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { networkName } from "../agent/docker/docker-names.ts";
import { LABELS } from "../shared/protocol/names.ts";
import { leftovers } from "./lab/leftovers.ts";
import { CLIENT, idle, spread, useAgentLab } from "./support/agent-lab.ts";
import { otherBuild } from "./support/agent-other-build.ts";
import { AgentProcess } from "./support/agent-process.ts";
import { Control, type ControlSession } from "./support/control.ts";

const here = useAgentLab();
const { find, reported, sh } = here;

describe("an agent that was away", () => {
  test("takes over what runs, with the same containers, and reports those that ended meanwhile", async () => {
    const session = await here.control.run({
      image: "skein/debian:12",
      clusterMode: "multi-node",
      roles: [
        { name: "main", replicas: 1 },
        {
          name: "sub",
          replicas: 2,
          command: ["sh", "-c", "until [ -e /tmp/end ]; do sleep 0.05; done; echo bye; exit 7"],
        },
      ],
    });
    const { docker, id } = find(session, "sub1");
    const main = find(session, "main1");
    await here.away("SIGKILL", async () => {
      await sh(session, "sub1", "touch /tmp/end");
      await docker.getContainer(id).wait();
      expect(await sh(session, "main1", "ssh sub2 hostname")).toBe("sub2\n");
    });
    await here.control.until(() => reported(session, "sub1").status === "exited");
    expect(reported(session, "sub1")).toMatchObject({ containerId: id, exitCode: 7, output: "bye\n" });
    await here.control.reach(session, "running");
    expect(find(session, "main1").id).toBe(main.id);
    expect(here.control.reports.filter(({ report }) => report.phase !== "running")).toEqual([]);
    await here.control.remove(session);
  });

  test("goes on where it was killed half-way, with the same keys", async () => {
    const session = here.control.plan(spread(3));
    await here.control.reach(session, "prepared");
    await here.away("SIGKILL");
    await here.control.reach(session, "started");
    await here.control.reach(session, "running");
    expect(await sh(session, "main1", "ssh sub1 hostname")).toBe("sub1\n");
    await here.control.remove(session);
  });

  test("goes on where it was killed while it opened the gates: commands that have run do not run again", async () => {
    const session = await here.control.run({
      image: "skein/busybox:1",
      roles: [
        { name: "main", replicas: 1, command: ["sh", "-c", "echo run >>/runs; cat /runs; exit 0"] },
        { name: "sub", replicas: 1 },
      ],
    });
    await here.control.until(() => reported(session, "main1").status === "exited");
    const { node } = find(session, "main1");
    const agent = here.agents.find(({ host }) => node === `node_${host.name}`)!;
    const name = networkName({ fleet: here.control.fleet, node }, session.id);
    const gate = join(agent.stateDir, "sessions", name, "sub1/self/gate");
    await here.away("SIGKILL", async () => {
      // As if it had opened only the first gate.
      await agent.host.exec(["rm", gate]);
      await agent.host.exec(["mkfifo", "-m", "0644", gate]);
    });
    await here.control.reach(session, "running");
    expect(reported(session, "main1")).toMatchObject({ status: "exited", exitCode: 0, output: "run\n" });
    expect((await agent.host.exec(["test", "-f", gate])).code).toBe(0);
    await here.control.remove(session);
  });

  test("removes what is not in the API's welcome", async () => {
    await here.control.run(spread(3));
    await here.away("SIGTERM", async () => {
      expect(await leftovers(here.agents)).not.toEqual([]);
      for (const node of here.control.nodes.values()) node.desired.clear();
    });
    await vi.waitFor(async () => expect(await leftovers(here.agents)).toEqual([]));
  });

  test("repairs an overlay that is gone from the kernel", async () => {
    const session = await here.control.run(spread(3, { image: "skein/debian:12" }));
    const { machine } = find(session, "main1");
    await here.away("SIGTERM", async () => {
      const links = await machine.exec(["ip", "-o", "link", "show", "type", "vxlan"]);
      const name = /skv[a-z2-7]+/.exec(links.stdout)![0];
      await machine.exec(["ip", "link", "del", "dev", name]);
    });
    await here.control.reach(session, "running");
    expect(await sh(session, "main1", "ssh sub1 hostname; ssh sub2 hostname")).toBe("sub1\nsub2\n");
    await here.control.remove(session);
  });
});

describe("another build of the agent, of the same protocol version", () => {
  test("takes over what this one made, and the other way round; the API sends a field that only one of them knows", async () => {
    const dir = join(here.agents[0]!.host.dir, "newer");
    const newer = otherBuild(dir);
    const restart = (program: string) =>
      here.away("SIGTERM", async () => {
        for (const agent of here.agents) agent.program = program;
      });
    const ids = (sessions: ControlSession[]) =>
      sessions.map((each) =>
        each.layout.members.map((_, rank) => find(each, rank === 0 ? "main1" : `sub${rank}`).id),
      );
    const known = (sessions: ControlSession[]) => sessions.map(({ id }) => [id, 1, true]).sort();
    const held = () =>
      [...here.control.nodes.values()].map(({ has }) =>
        [...has.values()].map(({ session, epoch, keys }) => [session, epoch, keys]).sort(),
      );
    const [older] = here.agents.map(({ program }) => program);
    here.control.extra = { fromTheFuture: "what only the newer build stores" };
    onTestFinished(() => {
      here.control.extra = {};
      for (const agent of here.agents) agent.program = older!;
      // The scan for secrets would find the text of a key's first line in its sources.
      rmSync(dir, { recursive: true });
    });

    const sessions = [await here.control.run(spread(3))];
    for (const program of [newer, older!]) {
      const before = ids(sessions);
      await restart(program);
      for (const each of sessions) await here.control.reach(each, "running");
      expect(ids(sessions)).toEqual(before);
      // Nothing had to be sent again.
      expect(held()).toEqual(here.agents.map(() => known(sessions)));
      for (const each of sessions)
        expect(await sh(each, "main1", "ssh sub1 hostname; ssh sub2 hostname")).toBe("sub1\nsub2\n");
      sessions.push(await here.control.run(spread(3)));
    }
    const { node } = find(sessions[1]!, "main1");
    const agent = here.agents.find(({ host }) => node === `node_${host.name}`)!;
    const stored = (session: ControlSession) =>
      readFileSync(
        join(
          agent.stateDir,
          "sessions",
          networkName({ fleet: here.control.fleet, node }, session.id),
          "assignment.json",
        ),
        "utf8",
      );
    // They really are two builds: each stored the fields that it knows.
    expect(sessions.map((each) => stored(each).includes("fromTheFuture"))).toEqual([false, true, false]);
    for (const each of sessions) await here.control.remove(each, true);
  });
});

describe("beside others", () => {
  test("two fleets on one engine leave each other's objects alone, also if their sessions share a name", async () => {
    const other = await Control.listen(CLIENT, "flt_other");
    const { host } = here.agents[0]!;
    const second = new AgentProcess(host, other.url, { stateDir: `${host.dir}/agent-other` }).start();
    await other.connected(1);
    const ours = here.control.plan(spread(3), { id: "ses_same" });
    for (const phase of ["prepared", "started", "running"] as const) await here.control.reach(ours, phase);
    // The second fleet must know the first one's network before it plans.
    await other.until(() =>
      other.node("node1").about.facts.usedSubnets.some((subnet) => subnet.startsWith("10.64.")),
    );
    const theirs = other.plan(idle(2), { id: "ses_same" });
    for (const phase of ["prepared", "started", "running"] as const) await other.reach(theirs, phase);

    await second.kill("SIGKILL");
    await here.agents[0]!.kill("SIGKILL");
    other.node("node1").desired.clear();
    here.agents[0]!.start();
    second.start();
    await here.control.connected(3);
    await other.connected(1);
    const filters = { label: [`${LABELS.fleet}=flt_other`] };
    await vi.waitFor(
      async () => expect(await host.docker.listContainers({ all: true, filters })).toEqual([]),
      10_000,
    );
    expect(await sh(ours, "main1", "ssh sub1 hostname; ssh sub2 hostname")).toBe("sub1\nsub2\n");
    await here.control.remove(ours);
    expect(await second.kill("SIGTERM")).toBe(0);
    await other.close();
  });

  test("the agent refuses an API of another fleet: it stops, says why, and removes nothing", async () => {
    const session = await here.control.run(idle(1));
    const { node, machine } = find(session, "main1");
    const agent = here.agents.find(({ host }) => host === machine)!;
    await agent.kill("SIGTERM");
    const stranger = await Control.listen(CLIENT, "flt_stranger");
    stranger.nodes.set(node, { ...here.control.nodes.get(node)!, desired: new Map() });
    const astray = new AgentProcess(agent.host, stranger.url, { stateDir: agent.stateDir }).start();
    expect(await astray.exited).toBe(1);
    expect(astray.log).toMatch(/another fleet/);
    expect(await sh(session, "main1", "hostname")).toBe("main1\n");
    await stranger.close();
    agent.start();
    await here.control.connected(3);
    await here.control.remove(session);
  });

  test("a second agent on the same state directory is refused", async () => {
    const twin = new AgentProcess(here.agents[0]!.host, here.control.url).start();
    expect(await twin.exited).toBe(1);
    expect(twin.log).toMatch(/another agent uses/);
  });
});
