/** The agent on real engines, when a session cannot come up: the agent reports why, and leaves nothing behind. */
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { describe, expect, test } from "vitest";
import type { Part } from "../shared/protocol/assignment.ts";
import { DEFAULT_SETTINGS } from "../shared/settings/settings.ts";
import { CLIENT, idle, spread, useAgentLab } from "./support/agent-lab.ts";
import { assignOf } from "./support/control.ts";

const here = useAgentLab();
const { find, reported } = here;

/** The host of an agent, and its node's id. */
function nodeOf(agent: number) {
  const { host } = here.agents[agent]!;
  return { machine: host, node: `node_${host.name}` };
}

test("a container that is killed while it proves SSH is at fault, not the one that it tried to reach", async () => {
  const session = here.control.plan(spread(2));
  await here.control.reach(session, "prepared");
  const { node, docker, id } = find(session, "main1");
  // The other node gets no frame, so the proof has to wait.
  here.control.tell(node, assignOf(session, node, "started"));
  await here.control.until(() => reported(session, "main1").status === "started");
  await docker.getContainer(id).kill();
  const failure = await here.control.until(() => here.control.reportOf(node, session.id)?.failure);
  expect(failure).toMatchObject({ code: "start", host: "main1" });
  await here.control.remove(session);
});

describe("a creation that must fail", () => {
  test("a missing image fails with the engine's message", async () => {
    const session = here.control.plan({ image: "skein/no-such-image:0" });
    await expect(here.control.reach(session, "prepared")).rejects.toThrow(
      /^image: main1: image skein\/no-such-image:0 is not on this node and cannot be pulled: ./,
    );
    await here.control.remove(session);
  });

  test("a user that the image does not have", async () => {
    const session = here.control.plan(idle(1, { user: "nobody-knows" }));
    await expect(here.control.reach(session, "prepared")).rejects.toThrow(/^create: main1: .*nobody-knows/);
    await here.control.remove(session);
  });

  test("an impossible directory: the engine's message, and which container", async () => {
    const session = here.control.plan(idle(2, { workdir: "/etc/passwd" }));
    await expect(
      here.control.reach(session, "prepared").then(() => here.control.reach(session, "started")),
    ).rejects.toThrow(/^(start|create): (main1|sub1): .*(directory|passwd)/s);
    await here.control.remove(session);
  });

  test("access to the node that it does not allow, whatever the API says: nothing is made", async () => {
    const session = here.control.plan(idle(1));
    const [[node, part]] = [...session.parts] as [[string, Part]];
    const containers = part.containers.map((spec) => ({ ...spec, hostNetwork: true as const }));
    session.parts.set(node, { ...part, containers });
    const { gateway } = session.assignments.get(node)!.network;
    await expect(here.control.reach(session, "prepared")).rejects.toThrow(
      /^create: main1: this node does not allow containers on its own network$/,
    );
    const { host } = here.agents.find(({ options }) => options.name === here.control.nodes.get(node)!.name)!;
    expect(await host.docker.listContainers({ all: true })).toEqual([]);
    expect((await host.exec(["ip", "-4", "address"])).stdout).not.toContain(gateway);
    await here.control.remove(session);
  });

  test("a subnet that a Docker network took meanwhile: a conflict, after a report of the new fact", async () => {
    const session = here.control.plan(idle(1));
    const { network } = session.layout;
    const [node] = [...session.parts.keys()] as [string];
    const { docker } = here.agents.find(({ host }) => node === `node_${host.name}`)!.host;
    const other = await docker.createNetwork({
      Name: "in-the-way",
      IPAM: { Config: [{ Subnet: network.subnet }] },
    });
    try {
      await expect(here.control.reach(session, "prepared")).rejects.toThrow(/^network_conflict: /);
      expect(here.control.nodes.get(node)!.about.facts.usedSubnets).toContain(network.subnet);
      await here.control.remove(session);
    } finally {
      await other.remove();
    }
  });

  test("ten foreign VXLAN devices are facts; a VNI that one of them took later is reported at once, with the device", async () => {
    const { machine, node } = nodeOf(0);
    const { vniBase, vxlanPort } = DEFAULT_SETTINGS;
    const names = Array.from({ length: 11 }, (_, i) => `vx${i}`);
    const add = (name: string, vni: number) =>
      machine.exec([
        "ip",
        "link",
        "add",
        name,
        "type",
        "vxlan",
        "id",
        String(vni),
        "dstport",
        String(vxlanPort),
      ]);
    const usedVnis = () => here.control.nodes.get(node)!.about.facts.usedVnis;
    try {
      for (const [at, name] of names.slice(0, 10).entries()) await add(name, vniBase + 100 + at);
      await here.away("SIGTERM");
      expect(usedVnis()).toEqual(
        names.slice(0, 10).map((_, at) => ({ vni: vniBase + 100 + at, port: vxlanPort })),
      );

      const session = here.control.plan(spread(3));
      const { vni } = session.layout.network;
      await add("vx10", vni!);
      here.control.heard.length = 0;
      await expect(here.control.reach(session, "prepared")).rejects.toThrow(
        `VNI ${vni} at UDP port ${vxlanPort} is in use on this machine by the VXLAN device vx10`,
      );
      const heard = here.control.heard.map((text) => JSON.parse(text));
      const fact = heard.findIndex(
        ({ type, facts }) => type === "facts" && JSON.stringify(facts).includes(`"vni":${vni}`),
      );
      const failed = heard.findIndex(({ failure }) => failure?.code === "network_conflict");
      expect(fact).toBeGreaterThanOrEqual(0);
      expect(fact).toBeLessThan(failed);
      await here.control.remove(session);
    } finally {
      for (const name of names) await machine.exec(["ip", "link", "del", name]);
    }
  });

  test("a hanging pull is reported, and aborted at once when the session is removed", async () => {
    const silent: Server = createServer(() => {}).listen(5000, CLIENT);
    await once(silent, "listening");
    const session = here.control.plan({ image: `${CLIENT}:5000/silent:1` });
    const [node] = [...session.parts.keys()];
    here.control.ask(session, "prepared");
    await once(silent, "connection");
    await here.control.until(() => reported(session, "main1").status === "pulling");
    const before = performance.now();
    await here.control.remove(session);
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(here.control.reportOf(node!, session.id)!.phase).toBe("removed");
    silent.close();
  });
});
