/** The overlay on real kernels: traffic within a session, repair, and what is left at the end. */
import { describe, expect, test } from "vitest";
import { applyFirewall } from "../agent/network/firewall.ts";
import { linkNames } from "../agent/network/link-names.ts";
import { applyOverlay, NetworkConflict, removeOverlay } from "../agent/network/overlay.ts";
import { sweepLinks } from "../agent/network/sweep-links.ts";
import { macOf } from "../shared/network/ipv4.ts";
import { DEFAULT_SETTINGS } from "../shared/settings/settings.ts";
import { overlayOf } from "./overlay/hosts.ts";
import { EVERYTHING, PORT, useNetworkLab } from "./support/network-lab.ts";

const { hosts, red, blue, containers, address, container, sessionsOn, partOf } = useNetworkLab();
const [one, two, three] = hosts;

describe("within a session", () => {
  test("every container reaches every other by ICMP, TCP and UDP", async () => {
    for (const session of [red, blue]) {
      for (const { address: from } of session.members) {
        for (const { address: to } of session.members.filter((member) => member.address !== from)) {
          expect(await containers.get(from)!.reaches(to, PORT), `${from} to ${to}`).toBe(EVERYTHING);
        }
      }
    }
  });

  test("a packet of the full MTU passes unfragmented, and no larger one", async () => {
    const payload = 1450 - 28;
    for (const [from, to] of [
      [0, 1],
      [1, 2],
      [2, 0],
    ] as const) {
      expect(await container(red, from).pings(address(red, to), payload)).toBe(true);
      expect(await container(red, from).pings(address(red, to), payload + 1)).toBe(false);
    }
  });

  test("a megabyte goes there and back between hosts", async () => {
    for (const [from, to] of [
      [0, 1],
      [1, 2],
      [2, 0],
    ] as const) {
      expect(await container(red, from).traffic("tcp", address(red, to), PORT, 1_000_000)).toMatchObject({
        code: 0,
      });
    }
  });

  test("packets for one host, and ARP for any container, go to no other host", async () => {
    const unused = "10.64.1.99";
    for (const host of [two, three]) await host.watch(macOf(address(red, 0)), macOf(unused));
    await container(red, 0).try("ip", "neigh", "flush", "dev", "eth0");

    expect(await container(red, 0).pings(address(red, 1))).toBe(true);
    expect(await container(red, 0).pings(address(red, 3))).toBe(true);
    expect(await two.seen()).toEqual({ icmp: 1, broadcast: 0, unused: 0 });
    expect(await three.seen()).toEqual({ icmp: 0, broadcast: 0, unused: 0 });

    // A frame for a MAC that is not in the plan stays on its host, too.
    await container(red, 0).ip(`neigh replace ${unused} lladdr ${macOf(unused)} dev eth0 nud permanent`);
    expect(await container(red, 0).pings(unused)).toBe(false);
    expect(await three.seen()).toMatchObject({ icmp: 0, unused: 0 });
    const { vxlan } = linkNames(one.owner, red.id);
    await one.runner.run(["bridge", "link", "set", "dev", vxlan, "flood", "on"]);
    expect(await container(red, 0).pings(unused)).toBe(false);
    expect(await three.seen()).toMatchObject({ icmp: 1, unused: 1 });
    await applyOverlay(one.runner, partOf(one, red));

    // Broadcasts go to all: here, an ARP request for an unused address.
    await container(red, 0).ip(`neigh del ${unused} dev eth0`);
    expect(await container(red, 0).pings(unused)).toBe(false);
    for (const host of [two, three]) expect((await host.seen()).broadcast).toBeGreaterThan(0);
  });
});

describe("the overlay", () => {
  test("is made as planned, and applying it again changes nothing", async () => {
    const { vxlan, bridge } = linkNames(one.owner, red.id);
    expect(await one.json("ip", "-j", "-d", "link", "show", "dev", vxlan)).toMatchObject([
      {
        mtu: 1450,
        master: bridge,
        ifalias: "skein:flt_test:node1:ses_red",
        inet6_addr_gen_mode: "none",
        linkinfo: {
          info_data: { id: DEFAULT_SETTINGS.vniBase + 1, port: 14789, local: one.address, learning: false },
          info_slave_data: { learning: false, flood: false, neigh_suppress: true },
        },
      },
    ]);
    expect(await one.json("ip", "-j", "link", "show", "dev", bridge)).toMatchObject([
      { address: "02:42:0a:40:01:fe" },
    ]);
    for (const host of hosts) {
      const before = host.changes.length;
      for (const session of sessionsOn(host)) await applyOverlay(host.runner, partOf(host, session));
      expect(host.changes.slice(before)).toEqual([]);
    }
  });

  test("is repaired after changes from outside", async () => {
    const { vxlan, bridge } = linkNames(one.owner, red.id);
    const broken = [
      `link set dev ${vxlan} down`,
      `link set dev ${vxlan} nomaster mtu 1300`,
      `link del dev ${vxlan}`,
      `link set dev ${bridge} address 02:42:00:00:00:01`,
      `neigh replace ${address(red, 1)} lladdr 02:42:00:00:00:02 dev ${bridge} nud permanent`,
    ];
    for (const line of broken) {
      await one.ip(line);
      await applyOverlay(one.runner, partOf(one, red));
      expect(await container(red, 0).reaches(address(red, 1), PORT), line).toBe(EVERYTHING);
      expect(await container(red, 0).pings(address(red, 2), 1422), line).toBe(true);
      const before = one.changes.length;
      await applyOverlay(one.runner, partOf(one, red));
      expect(one.changes.slice(before), line).toEqual([]);
    }
  });

  test("drops entries of members that have left it", async () => {
    const { vxlan, bridge } = linkNames(one.owner, red.id);
    const part = partOf(one, red);
    const gone = address(red, 2);
    await applyOverlay(one.runner, {
      ...part,
      members: part.members.filter((member) => member.address !== gone),
    });
    expect(await one.json("ip", "-j", "neigh", "show", gone, "dev", bridge)).toEqual([]);
    expect(JSON.stringify(await one.json("bridge", "-j", "fdb", "show", "dev", vxlan))).not.toContain(
      macOf(gone),
    );
    await applyOverlay(one.runner, part);
    expect(await container(red, 0).reaches(gone, PORT)).toBe(EVERYTHING);
  });

  test("reports a VNI or port that is taken", async () => {
    const part = { ...partOf(one, red), session: "ses_late" };
    await one.makeBridge(part.session, { ...part.network, gateway: "10.64.3.254", subnet: "10.64.3.0/24" });
    await expect(applyOverlay(one.runner, part)).rejects.toThrow(NetworkConflict);
    // Host one's own service has that port.
    const taken = { ...part, network: { ...part.network, vni: DEFAULT_SETTINGS.vniBase + 3, port: PORT } };
    await expect(applyOverlay(one.runner, taken)).rejects.toThrow(NetworkConflict);
    await removeOverlay(one.runner, one.owner, part.session);
    await one.removeBridge(part.session);
  });

  test("of a thousand members on another host takes less than a second to make", async () => {
    const big = overlayOf([one, ...Array.from({ length: 250 }, () => two)], 4);
    const members = Array.from({ length: 1000 }, (_, at) => ({
      host: `sub${at}`,
      place: 1,
      address: `10.80.${at >> 8}.${at & 255}`,
    }));
    const network = { ...big.networkOf(one), subnet: "10.80.0.0/22", gateway: "10.80.3.254" };
    await one.makeBridge("ses_big", network);
    const part = { owner: one.owner, session: "ses_big", network, members, place: 0 };
    const start = performance.now();
    await applyOverlay(one.runner, part);
    const made = performance.now();
    await applyOverlay(one.runner, part);
    console.log(
      `made in ${Math.round(made - start)} ms, found unchanged in ${Math.round(performance.now() - made)} ms`,
    );
    expect(made - start).toBeLessThan(1000);
    await removeOverlay(one.runner, one.owner, "ses_big");
    await one.removeBridge("ses_big");
  });
});

describe("at the end", () => {
  test("the sweep removes what no session claims, and nothing foreign", async () => {
    const other = { fleet: "flt_other", node: "node1" };
    const lone = (owner: typeof other, session: string, vni: number) =>
      one.ip(`link add ${linkNames(owner, session).vxlan} type vxlan id ${vni} dstport 14789`);
    await lone(one.owner, "ses_forgotten", DEFAULT_SETTINGS.vniBase + 20);
    await lone(other, "ses_theirs", DEFAULT_SETTINGS.vniBase + 21);
    expect(await sweepLinks(one.runner, one.owner, new Set([red.id, blue.id]))).toEqual([
      linkNames(one.owner, "ses_forgotten").vxlan,
    ]);
    expect(await sweepLinks(one.runner, other, new Set())).toEqual([linkNames(other, "ses_theirs").vxlan]);
    expect(await container(red, 0).reaches(address(red, 1), PORT)).toBe(EVERYTHING);
  });

  test("nothing is left, and removing it again is no error", async () => {
    for (const host of hosts) {
      for (const session of sessionsOn(host)) {
        await removeOverlay(host.runner, host.owner, session.id);
        await removeOverlay(host.runner, host.owner, session.id);
        await host.removeBridge(session.id);
      }
      await applyFirewall(host.runner, host.owner, []);
      await applyFirewall(host.runner, host.owner, []);
      const links = await host.json<{ ifname: string }[]>("ip", "-j", "link");
      expect(links.filter(({ ifname }) => ifname.startsWith("sk"))).toEqual([]);
      expect(await host.json("ip", "-j", "neigh", "show", "nud", "permanent")).toEqual([]);
      expect(JSON.stringify(await host.json("bridge", "-j", "fdb", "show"))).not.toContain("02:42:0a:40");
      expect(await host.runner.run(["nft", "list", "tables"])).not.toContain("skein");
    }
  });
});
