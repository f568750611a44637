import { describe, expect, test } from "vitest";
import { linkNames } from "./link-names.ts";
import { applyOverlay, NetworkConflict, type OverlayPart, removeOverlay } from "./overlay.ts";
import { recordingRunner, refusal } from "./recording.ts";

const owner = { fleet: "flt_a", node: "node_1" };
const { bridge, vxlan } = linkNames(owner, "ses_1");
const part: OverlayPart = {
  owner,
  session: "ses_1",
  network: {
    driver: "overlay",
    subnet: "10.64.0.0/24",
    gateway: "10.64.0.254",
    vtep: "192.0.2.1",
    mtu: 1450,
    vni: 0x800000,
    port: 14789,
    egress: true,
    peers: [{ nodeId: "node_2", vtep: "192.0.2.2", gateway: "10.64.0.253" }],
  },
  members: [
    { host: "main1", address: "10.64.0.2", nodeId: "node_1" },
    { host: "sub1", address: "10.64.0.3", nodeId: "node_2" },
  ],
};

const show = {
  bridge: `ip -j -d link show dev ${bridge}`,
  vxlan: `ip -j -d link show dev ${vxlan}`,
  fdb: `bridge -j fdb show dev ${vxlan}`,
  neigh: `ip -j -4 neigh show dev ${bridge} nud permanent`,
};
const bridgeLink = {
  ifname: bridge,
  mtu: 1500,
  flags: ["UP"],
  address: "02:42:0a:40:00:fe",
  inet6_addr_gen_mode: "eui64",
};
const device = {
  ifname: vxlan,
  address: "22:4d:41:f0:5a:7d",
  mtu: 1450,
  flags: ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
  master: bridge,
  ifalias: "skein:flt_a:node_1:ses_1",
  inet6_addr_gen_mode: "none",
  linkinfo: {
    info_kind: "vxlan",
    info_data: { id: 0x800000, local: "192.0.2.1", port: 14789, learning: false },
    info_slave_data: { learning: false, flood: false, neigh_suppress: true },
  },
};
const tunnel = (mac: string, dst: string) => ({ mac, dst, flags: ["self"], state: "permanent" });
const port = (mac: string, state = "static") => ({ mac, flags: [], master: bridge, state });
const fdb = [
  port(device.address, "permanent"),
  port("02:42:0a:40:00:03"),
  port("02:42:0a:40:00:fd"),
  tunnel("00:00:00:00:00:00", "192.0.2.2"),
  tunnel("02:42:0a:40:00:03", "192.0.2.2"),
  tunnel("02:42:0a:40:00:fd", "192.0.2.2"),
];
const neighbours = [
  { dst: "10.64.0.2", lladdr: "02:42:0a:40:00:02", state: ["PERMANENT"] },
  { dst: "10.64.0.3", lladdr: "02:42:0a:40:00:03", state: ["PERMANENT"] },
  { dst: "10.64.0.253", lladdr: "02:42:0a:40:00:fd", state: ["PERMANENT"] },
];
const asItShouldBe = { bridge: [bridgeLink], vxlan: [device], fdb, neigh: neighbours };

/** What `applyOverlay` changes on a machine of which iproute2 says this; a field left out is as it should be. */
async function changes(actual: Partial<Record<keyof typeof show, object[]>>, wanted = part): Promise<string> {
  const answers = Object.fromEntries(
    Object.entries({ ...asItShouldBe, ...actual }).map(([what, rows]) => [
      show[what as keyof typeof show],
      JSON.stringify(rows),
    ]),
  );
  const { runner, changes } = recordingRunner(answers);
  await applyOverlay(runner, wanted);
  return changes();
}

const fromNothing = {
  bridge: [{ ...bridgeLink, address: "02:42:12:34:56:78" }],
  vxlan: [],
  fdb: [],
  neigh: [],
};

test("from nothing: device, place in the bridge, entries, and up at last", async () => {
  expect(await changes(fromNothing)).toMatchInlineSnapshot(`
    "ip -batch -
      link set dev skbd5nfd65zun4o address 02:42:0a:40:00:fe
      link add name skvd5nfd65zun4o mtu 1450 type vxlan id 8388608 local 192.0.2.1 dstport 14789 nolearning ttl 64
      link set dev skvd5nfd65zun4o alias skein:flt_a:node_1:ses_1 addrgenmode none master skbd5nfd65zun4o
    bridge -batch -
      link set dev skvd5nfd65zun4o learning off flood off neigh_suppress on
      fdb replace 02:42:0a:40:00:03 dev skvd5nfd65zun4o dst 192.0.2.2 self permanent
      fdb replace 02:42:0a:40:00:fd dev skvd5nfd65zun4o dst 192.0.2.2 self permanent
      fdb append 00:00:00:00:00:00 dev skvd5nfd65zun4o dst 192.0.2.2 self permanent
      fdb replace 02:42:0a:40:00:03 dev skvd5nfd65zun4o master static
      fdb replace 02:42:0a:40:00:fd dev skvd5nfd65zun4o master static
    ip -batch -
      neigh replace 10.64.0.2 lladdr 02:42:0a:40:00:02 dev skbd5nfd65zun4o nud permanent
      neigh replace 10.64.0.3 lladdr 02:42:0a:40:00:03 dev skbd5nfd65zun4o nud permanent
      neigh replace 10.64.0.253 lladdr 02:42:0a:40:00:fd dev skbd5nfd65zun4o nud permanent
      link set dev skvd5nfd65zun4o up"
  `);
});

test("where all is as it should be, nothing is run", async () => {
  expect(await changes({})).toBe("");
});

test("on a machine without IPv6, no address mode is asked for", async () => {
  const { inet6_addr_gen_mode: _, ...without } = bridgeLink;
  const made = await changes({ ...fromNothing, bridge: [without] });
  expect(made).toContain(`alias skein:flt_a:node_1:ses_1 master ${bridge}`);
  expect(made).not.toContain("addrgenmode");
});

describe("only the difference is changed:", () => {
  test("a device of another VNI is made anew, with all its entries", async () => {
    const other = {
      ...device,
      linkinfo: { ...device.linkinfo, info_data: { ...device.linkinfo.info_data, id: 1 } },
    };
    expect(await changes({ vxlan: [other] })).toMatchInlineSnapshot(`
      "ip -batch -
        link del dev skvd5nfd65zun4o
        link add name skvd5nfd65zun4o mtu 1450 type vxlan id 8388608 local 192.0.2.1 dstport 14789 nolearning ttl 64
        link set dev skvd5nfd65zun4o alias skein:flt_a:node_1:ses_1 addrgenmode none master skbd5nfd65zun4o
      bridge -batch -
        link set dev skvd5nfd65zun4o learning off flood off neigh_suppress on
        fdb replace 02:42:0a:40:00:03 dev skvd5nfd65zun4o dst 192.0.2.2 self permanent
        fdb replace 02:42:0a:40:00:fd dev skvd5nfd65zun4o dst 192.0.2.2 self permanent
        fdb append 00:00:00:00:00:00 dev skvd5nfd65zun4o dst 192.0.2.2 self permanent
        fdb replace 02:42:0a:40:00:03 dev skvd5nfd65zun4o master static
        fdb replace 02:42:0a:40:00:fd dev skvd5nfd65zun4o master static
      ip -batch -
        link set dev skvd5nfd65zun4o up"
    `);
  });

  test("a member that moved, one that left, and a peer that left", async () => {
    const members = part.members.map((member) => ({ ...member, nodeId: "node_3" }));
    const peers = [{ nodeId: "node_3", vtep: "192.0.2.3", gateway: "10.64.0.253" }];
    const wanted = { ...part, network: { ...part.network, peers }, members: members.slice(1) };
    expect(await changes({}, wanted)).toMatchInlineSnapshot(`
      "bridge -batch -
        fdb del 00:00:00:00:00:00 dev skvd5nfd65zun4o dst 192.0.2.2 self
        fdb del 02:42:0a:40:00:03 dev skvd5nfd65zun4o dst 192.0.2.2 self
        fdb del 02:42:0a:40:00:fd dev skvd5nfd65zun4o dst 192.0.2.2 self
        fdb replace 02:42:0a:40:00:03 dev skvd5nfd65zun4o dst 192.0.2.3 self permanent
        fdb replace 02:42:0a:40:00:fd dev skvd5nfd65zun4o dst 192.0.2.3 self permanent
        fdb append 00:00:00:00:00:00 dev skvd5nfd65zun4o dst 192.0.2.3 self permanent
      ip -batch -
        neigh del 10.64.0.2 dev skbd5nfd65zun4o"
    `);
  });

  test("a device that is down, out of the bridge, of another MTU, and learns", async () => {
    const { info_slave_data: _, ...free } = device.linkinfo;
    const { master: __, ...loose } = { ...device, mtu: 1500, flags: [], linkinfo: free };
    expect(await changes({ vxlan: [loose], fdb: fdb.slice(3) })).toMatchInlineSnapshot(`
      "ip -batch -
        link set dev skvd5nfd65zun4o mtu 1450 master skbd5nfd65zun4o
      bridge -batch -
        link set dev skvd5nfd65zun4o learning off flood off neigh_suppress on
        fdb replace 02:42:0a:40:00:03 dev skvd5nfd65zun4o master static
        fdb replace 02:42:0a:40:00:fd dev skvd5nfd65zun4o master static
      ip -batch -
        link set dev skvd5nfd65zun4o up"
    `);
  });

  test("a bridge with another MAC: the kernel forgets its neighbours with the old one", async () => {
    expect(await changes({ bridge: fromNothing.bridge })).toMatchInlineSnapshot(`
      "ip -batch -
        link set dev skbd5nfd65zun4o address 02:42:0a:40:00:fe
      ip -batch -
        neigh replace 10.64.0.2 lladdr 02:42:0a:40:00:02 dev skbd5nfd65zun4o nud permanent
        neigh replace 10.64.0.3 lladdr 02:42:0a:40:00:03 dev skbd5nfd65zun4o nud permanent
        neigh replace 10.64.0.253 lladdr 02:42:0a:40:00:fd dev skbd5nfd65zun4o nud permanent"
    `);
  });
});

describe("what is in the way", () => {
  const answers = {
    [show.bridge]: JSON.stringify([bridgeLink]),
    [show.vxlan]: refusal(show.vxlan, "Device does not exist."),
  };
  const failing = (stderr: string) => {
    const { runner } = recordingRunner({ ...answers, "ip -batch -": refusal("ip -batch -", stderr) });
    return applyOverlay(runner, part);
  };

  test("is a conflict where the VNI or the port is taken", async () => {
    const vni = "Error: A VXLAN device with the specified VNI already exists.\nCommand failed -:1";
    await expect(failing(vni)).rejects.toThrow(NetworkConflict);
    await expect(failing(vni)).rejects.toThrow(
      /^VNI 8388608, UDP port 14789 is taken on this machine: .*VNI already/,
    );
    await expect(failing("RTNETLINK answers: Address already in use")).rejects.toThrow(NetworkConflict);
  });

  test("is the command's own error otherwise", async () => {
    await expect(failing("RTNETLINK answers: Operation not permitted")).rejects.toThrow(
      "Operation not permitted",
    );
    await expect(failing("RTNETLINK answers: Operation not permitted")).rejects.not.toThrow(NetworkConflict);
  });

  test("is a bridge that is not there, or a member on a node that is no peer", async () => {
    await expect(applyOverlay(recordingRunner().runner, part)).rejects.toThrow(`has no bridge ${bridge}`);
    const lost = { ...part, network: { ...part.network, peers: [] } };
    await expect(applyOverlay(recordingRunner(answers).runner, lost)).rejects.toThrow(
      "sub1 is on node node_2",
    );
  });
});

describe("removing", () => {
  const line = `ip link del dev ${vxlan}`;

  test("takes the device, and its entries with it", async () => {
    const { runner, changes } = recordingRunner();
    await removeOverlay(runner, owner, "ses_1");
    expect(changes()).toBe(line);
  });

  test("is no error where it is gone, and one where it cannot be", async () => {
    const gone = recordingRunner({ [line]: refusal(line, `Cannot find device "${vxlan}"`) });
    await removeOverlay(gone.runner, owner, "ses_1");
    const denied = recordingRunner({ [line]: refusal(line, "RTNETLINK answers: Operation not permitted") });
    await expect(removeOverlay(denied.runner, owner, "ses_1")).rejects.toThrow("not permitted");
  });
});
