/** The firewall on real kernels: what it blocks, what it leaves open, and that only it blocks. */
import { describe, expect, test } from "vitest";
import { applyFirewall } from "../agent/network/firewall.ts";
import { linkNames, tableName } from "../agent/network/link-names.ts";
import { macOf } from "../shared/network/ipv4.ts";
import { DEFAULT_SETTINGS } from "../shared/settings/settings.ts";
import type { Namespace } from "./overlay/hosts.ts";
import { EVERYTHING, PORT, useNetworkLab } from "./support/network-lab.ts";

const { hosts, stranger, red, blue, received, address, container, guard } = useNetworkLab();
const [one, two] = hosts;

/** The same without the firewall, to show that the path exists and that only the firewall blocks it. */
async function unguarded<T>(look: () => Promise<T>): Promise<T> {
  await Promise.all(hosts.map((host) => applyFirewall(host.runner, host.owner, [])));
  try {
    return await look();
  } finally {
    await Promise.all(hosts.map(guard));
  }
}

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
