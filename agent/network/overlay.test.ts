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
    peers: [{ place: 1, vtep: "192.0.2.2", gateway: "10.64.0.253" }],
  },
  members: [
    { host: "main1", address: "10.64.0.2", place: 0 },
    { host: "sub1", address: "10.64.0.3", place: 1 },
  ],
  place: 0,
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

/** The commands of `applyOverlay` when iproute2 reports `actual`. A missing field is as it should be. */
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

test("from nothing: makes the device, its bridge port and its entries, and sets it up last", async () => {
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

test("runs nothing when all is as it should be", async () => {
  expect(await changes({})).toBe("");
});

test("sets no address mode on a machine without IPv6", async () => {
  const { inet6_addr_gen_mode: _, ...without } = bridgeLink;
  const made = await changes({ ...fromNothing, bridge: [without] });
  expect(made).toContain(`alias skein:flt_a:node_1:ses_1 master ${bridge}`);
  expect(made).not.toContain("addrgenmode");
});

describe("changes only the difference:", () => {
  test("a device with another VNI is made again, with all its entries", async () => {
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
    const members = part.members.map((member) => ({ ...member, place: 2 }));
    const peers = [{ place: 2, vtep: "192.0.2.3", gateway: "10.64.0.253" }];
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

  test("a device that is down, not in the bridge, has another MTU, and learns", async () => {
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

  test("a bridge with another MAC, whose neighbours the kernel drops with the MAC", async () => {
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

describe("an error", () => {
  const answers = {
    [show.bridge]: JSON.stringify([bridgeLink]),
    [show.vxlan]: refusal(show.vxlan, "Device does not exist."),
  };
  const failing = (stderr: string, devices: object[] = []) => {
    const { runner } = recordingRunner({
      ...answers,
      "ip -batch -": refusal("ip -batch -", stderr),
      "ip -j -d link show type vxlan": JSON.stringify(devices),
    });
    return applyOverlay(runner, part);
  };

  test("is a conflict when the VNI or the port is in use, and says what uses the VNI", async () => {
    const vni = "Error: A VXLAN device with the specified VNI already exists.\nCommand failed -:1";
    const about = "VNI 8388608 at UDP port 14789 is in use on this machine";
    const used = { vni: 0x800000, port: 14789 };
    await expect(failing(vni)).rejects.toThrow(NetworkConflict);
    await expect(failing(vni)).rejects.toMatchObject({ message: `${about}: ${vni}`, used });
    const devices = [
      {
        ...device,
        ifname: "vxlan.calico",
        linkinfo: { info_kind: "vxlan", info_data: { id: 0x800000, port: 4789 } },
      },
      { ...device, ifname: "vx7" },
    ];
    await expect(failing(vni, devices)).rejects.toMatchObject({
      message: `${about} by the VXLAN device vx7`,
      used,
    });
    await expect(failing("RTNETLINK answers: Address already in use")).rejects.toMatchObject({
      name: "NetworkConflict",
      message: "UDP port 14789 is in use on this machine by another program",
      used: undefined,
    });
  });

  test("is the error of the command otherwise", async () => {
    await expect(failing("RTNETLINK answers: Operation not permitted")).rejects.toThrow(
      "Operation not permitted",
    );
    await expect(failing("RTNETLINK answers: Operation not permitted")).rejects.not.toThrow(NetworkConflict);
  });

  test("names the missing bridge, or the member on an unknown node", async () => {
    await expect(applyOverlay(recordingRunner().runner, part)).rejects.toThrow(`has no bridge ${bridge}`);
    const lost = { ...part, network: { ...part.network, peers: [] } };
    await expect(applyOverlay(recordingRunner(answers).runner, lost)).rejects.toThrow(
      "sub1 is on node 1 of the session, which is not among its nodes",
    );
  });
});

describe("removing", () => {
  const line = `ip link del dev ${vxlan}`;

  test("removes the device, and its entries with it", async () => {
    const { runner, changes } = recordingRunner();
    await removeOverlay(runner, owner, "ses_1");
    expect(changes()).toBe(line);
  });

  test("is no error when the device is gone, and one when it cannot be removed", async () => {
    const gone = recordingRunner({ [line]: refusal(line, `Cannot find device "${vxlan}"`) });
    await removeOverlay(gone.runner, owner, "ses_1");
    const denied = recordingRunner({ [line]: refusal(line, "RTNETLINK answers: Operation not permitted") });
    await expect(removeOverlay(denied.runner, owner, "ses_1")).rejects.toThrow("not permitted");
  });
});
