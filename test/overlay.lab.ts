/** The overlay and the firewall on real kernels: three hosts on a LAN, two sessions, and a stranger. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { applyFirewall, type GuardedSession } from "../agent/network/firewall.ts";
import { linkNames, tableName } from "../agent/network/link-names.ts";
import { applyOverlay, NetworkConflict, removeOverlay } from "../agent/network/overlay.ts";
import { sweepLinks } from "../agent/network/sweep-links.ts";
import { macOf } from "../shared/network/ipv4.ts";
import { DEFAULT_SETTINGS } from "../shared/settings/settings.ts";
import { createLan, removeLan } from "./lab/lan.ts";
import { Host, type Namespace, overlayOf } from "./overlay/hosts.ts";

const PORT = 7000;
const hosts = [new Host(1), new Host(2), new Host(3)];
const [one, two, three] = hosts as [Host, Host, Host];
/** On the LAN, but no node. It has a route to the sessions' networks, through host one. */
const stranger = new Host(9);
const red = { id: "ses_red", ...overlayOf([one, two, three, one], 1) };
const blue = { id: "ses_blue", ...overlayOf([one, two], 2, false) };
type Session = typeof red;

const containers = new Map<string, Namespace>();
const received = new Map<string, string[]>();
/** The address of a session's container, by rank. */
const address = (session: Session, rank: number) => session.members[rank]!.address;
const container = (session: Session, rank: number) => containers.get(address(session, rank))!;

const sessionsOn = (host: Host) => [red, blue].filter(({ placeOf }) => placeOf(host) !== -1);
const partOf = (host: Host, session: Session) => ({
  owner: host.owner,
  session: session.id,
  network: session.networkOf(host),
  members: session.members,
  place: session.placeOf(host),
});
const guardedOn = (host: Host): GuardedSession[] =>
  sessionsOn(host).map((session) => ({ session: session.id, network: session.networkOf(host) }));
const guard = (host: Host) => applyFirewall(host.runner, host.owner, guardedOn(host));

/** The same without the firewall, to show that the path exists and that only the firewall blocks it. */
async function unguarded<T>(look: () => Promise<T>): Promise<T> {
  await Promise.all(hosts.map((host) => applyFirewall(host.runner, host.owner, [])));
  try {
    return await look();
  } finally {
    await Promise.all(hosts.map(guard));
  }
}

async function start(host: Host): Promise<void> {
  await host.start();
  await host.serve(PORT);
  if (host === stranger) return stranger.ip(`route add 10.64.0.0/12 via ${one.address}`);
  await guard(host);
  for (const session of sessionsOn(host)) {
    await host.makeBridge(session.id, session.networkOf(host));
    await applyOverlay(host.runner, partOf(host, session));
    for (const member of session.members.filter(({ place }) => place === session.placeOf(host))) {
      const made = await host.addContainer(session.id, session.networkOf(host), member.address);
      containers.set(member.address, made);
      received.set(member.address, await made.serve(PORT));
    }
  }
}

beforeAll(async () => {
  await createLan(1500);
  for (const host of [...hosts, stranger]) await start(host);
});

afterAll(async () => {
  for (const host of [...hosts, stranger]) await host.stop();
  await removeLan();
});

const EVERYTHING = "icmp tcp udp";

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

describe("the firewall", () => {
  test("keeps containers from all addresses of their node and of the session's other nodes", async () => {
    const targets = [
      red.networkOf(one).gateway,
      red.networkOf(two).gateway,
      blue.networkOf(one).gateway,
      one.address,
      two.address,
    ];
    const look = () => Promise.all(targets.map((target) => container(red, 0).reaches(target, PORT)));
    expect(await look()).toEqual(targets.map(() => "nothing"));
    expect(await one.dropped("container to another node")).toBeGreaterThan(0);
    expect(await unguarded(look)).toEqual(targets.map(() => EVERYTHING));
  });

  test("keeps containers from their node's link-local addresses", async () => {
    const { bridge } = linkNames(one.owner, red.id);
    type Interface = { addr_info: { local: string }[] };
    const [link] = await one.json<Interface[]>("ip", "-j", "-6", "addr", "show", "dev", bridge);
    const look = async () => {
      // An earlier look-up may still wait for an answer to its solicitation, and this one would wait with it.
      await container(red, 0).ip("neigh flush dev eth0");
      return (await container(red, 0).try("ping", "-c1", "-W1", `${link!.addr_info[0]!.local}%eth0`)).code;
    };
    expect(await look()).toBe(1);
    expect(await unguarded(look)).toBe(0);
  });

  test("keeps containers from ports that their node forwards elsewhere", async () => {
    await one.nat(
      "published",
      "prerouting priority dstnat",
      `ip daddr ${one.address} tcp dport 8001 dnat to ${stranger.address}:${PORT}`,
    );
    const look = async () => (await container(red, 0).traffic("tcp", one.address, 8001, 1)).code;
    expect(await look()).toBe(1);
    expect(await unguarded(look)).toBe(0);
    await one.runner.run(["nft", "delete", "table", "ip", "published"]);
  });

  test("separates sessions on one host, both ways", async () => {
    const look = () =>
      Promise.all([
        container(red, 0).reaches(address(blue, 0), PORT),
        container(blue, 0).reaches(address(red, 0), PORT),
      ]);
    expect(await look()).toEqual(["nothing", "nothing"]);
    expect(await one.dropped("session to session")).toBeGreaterThan(0);
    expect(await unguarded(look)).toEqual([EVERYTHING, EVERYTHING]);
  });

  test("lets no packet in from outside, to a container or to a gateway", async () => {
    const look = () =>
      Promise.all([
        stranger.reaches(address(red, 0), PORT),
        stranger.reaches(address(red, 1), PORT),
        stranger.reaches(red.networkOf(one).gateway, PORT),
      ]);
    expect(await look()).toEqual(["nothing", "nothing", "nothing"]);
    expect(await unguarded(look)).toEqual([EVERYTHING, EVERYTHING, EVERYTHING]);
  });

  test("leaves the way out open, and refuses at once if egress is off", async () => {
    expect(await container(red, 0).reaches(stranger.address, PORT)).toBe(EVERYTHING);
    const refused = await container(blue, 0).traffic("tcp", stranger.address, PORT, 1);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/EHOSTUNREACH|EACCES/) });
    expect(await container(blue, 0).reaches(stranger.address, PORT)).toBe("nothing");
    expect(await unguarded(() => container(blue, 0).reaches(stranger.address, PORT))).toBe(EVERYTHING);
  });

  test("keeps containers from the cloud's metadata, but not from a name server at its address", async () => {
    const metadata = "169.254.169.254";
    await stranger.ip(`address add ${metadata}/32 dev lo`);
    const asked = await stranger.serve(53);
    await one.ip(`route add ${metadata}/32 via ${stranger.address}`);
    const look = () => container(red, 0).reaches(metadata, PORT);
    expect(await look()).toBe("nothing");
    expect(await one.dropped("the cloud's metadata")).toBeGreaterThan(0);
    expect(await unguarded(look)).toBe(EVERYTHING);
    expect((await container(red, 0).traffic("tcp", metadata, 53, 1)).code).toBe(0);
    await container(red, 0).traffic("udp", metadata, 53, "name?");
    expect(asked).toEqual([`${address(red, 0)} name?`]);
  });

  test("lets the node itself reach its containers", async () => {
    expect(await one.reaches(address(red, 0), PORT)).toBe(EVERYTHING);
  });

  test("drops packets from a container with a source address outside its session", async () => {
    await container(red, 0).ip("address add 10.64.77.7/32 dev lo");
    const look = () => container(red, 0).try("ping", "-c1", "-W1", "-I", "10.64.77.7", stranger.address);
    const before = await one.dropped("spoofed source");
    expect((await look()).code).toBe(1);
    expect(await one.dropped("spoofed source")).toBe(before + 1);
  });

  test("drops packets over IPv6", async () => {
    const { bridge } = linkNames(one.owner, red.id);
    await one.ip("route add fd00:2::/64 dev eth0");
    await one.runner.run(["sysctl", "-q", "net.ipv6.conf.all.forwarding=1"]);
    await one.ip(`address add fd00:1::1/64 dev ${bridge} nodad`);
    await container(red, 0).ip(
      "address add fd00:1::2/64 dev eth0 nodad",
      `neigh replace fd00:1::1 lladdr ${macOf(red.networkOf(one).gateway)} dev eth0 nud permanent`,
      "route add default via fd00:1::1",
    );
    expect((await container(red, 0).try("ping", "-c1", "-W1", "fd00:2::2")).code).toBe(1);
    expect(await one.dropped("no IPv6 in sessions")).toBe(1);
  });

  /** Sends a datagram for container 1 of the red session to host two, wrapped as if from a node of the session. */
  const inject = (from: Namespace, text: string) =>
    from.traffic(
      ...[
        "frame",
        two.address,
        DEFAULT_SETTINGS.vxlanPort,
        DEFAULT_SETTINGS.vniBase + 1,
        macOf(address(red, 1)),
      ],
      ...[address(red, 0), address(red, 1), PORT, text],
    );
  const heard = (text: string) => received.get(address(red, 1))!.includes(`${address(red, 0)} ${text}`);

  test("drops VXLAN packets from machines that are no peers of the session", async () => {
    await inject(stranger, "from a stranger");
    await expect.poll(() => two.dropped("VXLAN from a stranger")).toBe(1);
    // The same packet from a peer arrives; the earlier one would have arrived before it.
    await inject(one, "from a peer");
    await expect.poll(() => heard("from a peer")).toBe(true);
    expect(heard("from a stranger")).toBe(false);
    await unguarded(async () => {
      await inject(stranger, "without a firewall");
      await expect.poll(() => heard("without a firewall")).toBe(true);
    });
  });

  test("drops VXLAN packets that a container sends to another node under its own node's address", async () => {
    await one.nat(
      "hidden",
      "postrouting priority srcnat",
      `ip saddr ${red.networkOf(one).subnet} oifname eth0 masquerade`,
    );
    await inject(container(red, 0), "from a container");
    await expect.poll(() => one.dropped("VXLAN from a container")).toBe(1);
    await inject(one, "from its node");
    await expect.poll(() => heard("from its node")).toBe(true);
    expect(heard("from a container")).toBe(false);
    await unguarded(async () => {
      await inject(container(red, 0), "through its node");
      await expect.poll(() => heard("through its node")).toBe(true);
    });
    await one.runner.run(["nft", "delete", "table", "ip", "hidden"]);
  });

  test("of another fleet's agent on the same host leaves this fleet's sessions alone", async () => {
    const other = { fleet: "flt_other", node: "node1" };
    const network = {
      ...red.networkOf(one),
      vni: DEFAULT_SETTINGS.vniBase + 9,
      subnet: "10.64.9.0/24",
      gateway: "10.64.9.254",
    };
    await applyFirewall(one.runner, other, [{ session: "ses_other", network: { ...network, peers: [] } }]);
    expect(await container(red, 1).reaches(address(red, 0), PORT)).toBe(EVERYTHING);
    await applyFirewall(one.runner, other, []);
    expect(await one.runner.run(["nft", "list", "tables"])).toContain(tableName(one.owner));
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
