import { expect, test } from "vitest";
import { cidrsOverlap } from "../../shared/network/ipv4.ts";
import { Facts } from "../../shared/node/node-schemas.ts";
import { linkAlias, linkNames } from "./link-names.ts";
import { defaultAddress, mtuOf, ownAddresses, usedSubnets, usedVnis } from "./network-facts.ts";
import { recordingRunner } from "./recording.ts";

const owner = { fleet: "flt_a", node: "node_1" };
const ours = linkNames(owner, "ses_1").bridge;
const theirs = linkNames({ ...owner, fleet: "flt_b" }, "ses_1").bridge;
const at = (ifname: string, mtu: number, ...addresses: string[]) => ({
  ifname,
  mtu,
  addr_info: addresses.map((local) => ({ local, scope: local.startsWith("127.") ? "host" : "global" })),
});
const interfaces = [
  at("lo", 65536, "127.0.0.1", "10.200.0.1"),
  { ...at("docker0", 1500, "172.17.0.1"), linkinfo: { info_kind: "bridge" } },
  at("eth0", 9000, "192.0.2.7"),
  { ...at("wg0", 1420, "10.9.0.2"), linkinfo: { info_kind: "wireguard" } },
  { ...at(ours, 1450, "10.64.0.254"), linkinfo: { info_kind: "bridge" } },
];
const routes = [
  { dst: "default", gateway: "192.0.2.1", dev: "eth0" },
  { dst: "0.0.0.0/1", dev: "tun0" },
  { dst: "192.0.2.0/24", dev: "eth0" },
  { dst: "10.8.0.0/16", dev: "tun0" },
  { dst: "10.8.3.0/24", dev: "tun0" },
  { dst: "10.9.0.1", dev: "tun0" },
  { dst: "10.64.0.0/24", dev: ours },
  { dst: "10.64.1.0/24", dev: theirs },
  { type: "blackhole", dst: "10.244.0.0/16" },
];
const { runner } = recordingRunner({
  "ip -j -4 route show": JSON.stringify(routes),
  "ip -j -d -4 addr show": JSON.stringify(interfaces),
});

test("subnets in use are routes, addresses, resolvers and Docker networks, without our own sessions", async () => {
  const resolvers = [new URL("./network-facts.test.resolv.conf", import.meta.url).pathname, "/no/such/file"];
  expect(
    await usedSubnets(runner, owner, ["172.17.0.0/16", "172.18.0.0/16", "fd00::/64"], resolvers),
  ).toEqual([
    "10.8.0.0/16",
    "10.9.0.1/32",
    "10.9.0.2/32",
    "10.64.1.0/24",
    "10.200.0.1/32",
    "10.244.0.0/16",
    "172.17.0.0/16",
    "172.18.0.0/16",
    "192.0.2.0/24",
    "198.51.100.53/32",
  ]);
});

test("a router's routes are rounded up to as many as facts may list, and still cover all of them", async () => {
  const dst = Array.from({ length: 10_000 }, (_, i) => `100.64.${i >> 8}.${i & 255}`).filter(
    (_, i) => i % 2 === 0,
  );
  const { runner: router } = recordingRunner({
    "ip -j -4 route show": JSON.stringify(dst.map((each) => ({ dst: each, dev: "eth0" }))),
    "ip -j -d -4 addr show": "[]",
  });
  const subnets = await usedSubnets(router, owner, ["172.18.0.0/16"], []);
  expect(Facts.shape.usedSubnets.safeParse(subnets).success).toBe(true);
  expect(dst.slice(-99).every((each) => subnets.some((subnet) => cidrsOverlap(each, subnet)))).toBe(true);
  expect(subnets.at(-1)).toBe("172.18.0.0/16");
});

test("VNIs in use are those of all other VXLAN devices, and those that the kernel refused; sorted, each once", async () => {
  const vxlan = (ifname: string, id?: number, port = 4789, ifalias?: string) => ({
    ...{ ifname, mtu: 1450, flags: [], ifalias },
    linkinfo: {
      info_kind: "vxlan",
      info_data: { port, ...(id === undefined ? { external: true } : { id }) },
    },
  });
  const other = { ...owner, fleet: "flt_b" };
  const devices = [
    vxlan("vxlan.calico", 4096),
    vxlan(linkNames(owner, "ses_1").vxlan, 0x800000, 14789, linkAlias(owner, "ses_1")),
    vxlan(linkNames(owner, "ses_2").vxlan, 0x800001, 14789),
    vxlan(linkNames(other, "ses_1").vxlan, 0x800002, 14789, linkAlias(other, "ses_1")),
    vxlan("same-vni", 4096, 8472),
    vxlan("twice", 4096),
    vxlan("whatever"),
  ];
  const lab = recordingRunner({ "ip -j -d link show type vxlan": JSON.stringify(devices) });
  expect(await usedVnis(lab.runner, owner, [{ vni: 7, port: 14789 }])).toEqual([
    { vni: 7, port: 14789 },
    { vni: 4096, port: 4789 },
    { vni: 4096, port: 8472 },
    { vni: 0x800002, port: 14789 },
  ]);
  // A node that has not joined has no ids, so no device is its own.
  expect(await usedVnis(lab.runner, { fleet: "", node: "" })).toHaveLength(5);
});

test("own addresses are all that others may reach, on any interface but bridges", async () => {
  expect(await ownAddresses(runner)).toEqual(["10.200.0.1", "10.9.0.2", "192.0.2.7"]);
});

test("the MTU is that of the interface with the given address", async () => {
  expect(await mtuOf(runner, "192.0.2.7")).toBe(9000);
  expect(await mtuOf(runner, "192.0.2.8")).toBeUndefined();
});

test("the default address is that of the default route's interface, or else the first global one", async () => {
  expect(await defaultAddress(runner)).toBe("192.0.2.7");
  const adrift = recordingRunner({ "ip -j -d -4 addr show": JSON.stringify([interfaces[2], interfaces[1]]) });
  expect(await defaultAddress(adrift.runner)).toBe("192.0.2.7");
  expect(await defaultAddress(recordingRunner().runner)).toBeUndefined();
});
