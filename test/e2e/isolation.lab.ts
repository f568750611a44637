/** Two sessions on the same hosts: no packet from one network reaches the other, its gateways, or any service of a node. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { cluster, containerOf, end, exec, request, running, sh } from "./skein.ts";

const PORT = 9999;
const SERVICE = `
  require("net").createServer((s) => s.on("error", () => {}).end("tcp")).listen(${PORT}, "0.0.0.0", () => {
    const udp = require("dgram").createSocket("udp4");
    udp.on("message", (_, from) => udp.send("udp", from.port, from.address));
    udp.bind(${PORT}, "0.0.0.0", () => console.log("ready"));
  });`;

let a: SessionView;
let b: SessionView;

beforeAll(async () => {
  const body = { image: "skein/debian:12", clusterMode: "multi-node", clusterSize: 3 };
  [a, b] = await Promise.all([running(body), running(body)]);
});
afterAll(() => Promise.all([a, b].map(end)));

/** IPv4 packets that a container's kernel has received so far (RFC 4293 ipSystemStatsInReceives), including dropped ones. */
async function packetsIn(session: SessionView, host: string): Promise<number> {
  const [names, values] = (await sh(session, host, "grep ^Ip: /proc/net/snmp"))
    .split("\n")
    .map((line) => line.split(" "));
  return Number(values![names!.indexOf("InReceives")]);
}

/** Tries ping, TCP and UDP from a container, at most `seconds` each. Returns those that got an answer. */
async function answersFrom(
  session: SessionView,
  host: string,
  address: string,
  port: number,
  seconds = 1,
): Promise<string[]> {
  const script = `
    ping -c 1 -W ${seconds} ${address} >/dev/null 2>&1 && echo ping
    nc -z -w ${seconds} ${address} ${port} 2>/dev/null && echo tcp
    [ -n "$(echo hi | timeout ${seconds} nc -u -W 1 ${address} ${port} 2>/dev/null)" ] && echo udp
    true`;
  return (await sh(session, host, script)).split("\n").filter(Boolean);
}

/** Tries every container of `to` from one of `from`, all at once, and expects no answer. */
async function expectNoAnswer(from: SessionView, host: string, to: SessionView): Promise<void> {
  const answers = await Promise.all(to.containers.map((each) => answersFrom(from, host, each.address!, 22)));
  expect(answers).toEqual(to.containers.map(() => []));
}

/** Runs with a route that the node adds in the container's namespace: the container itself lacks the capability. */
async function withRoute(
  session: SessionView,
  host: string,
  route: string[],
  body: () => Promise<void>,
): Promise<void> {
  const { lab } = await cluster();
  const { node, containerId } = containerOf(session, host);
  const machine = lab.hosts.find((each) => each.name === node)!;
  const { State } = await machine.docker.getContainer(containerId!).inspect();
  const inside = ["nsenter", "--target", String(State.Pid), "--net", "ip", "route"];
  const added = await machine.exec([...inside, "add", ...route]);
  expect(added.code, added.stderr).toBe(0);
  try {
    await body();
  } finally {
    await machine.exec([...inside, "del", ...route]);
  }
}

/** A VXLAN packet (RFC 7348) as hex: an empty UDP datagram between two addresses of the session, its checksum right. */
function vxlanPacket(vni: number, from: string, to: string): string {
  const mac = (address: string) => Buffer.from([0x02, 0x42, ...address.split(".").map(Number)]);
  const ip = Buffer.alloc(28);
  ip.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17]);
  ip.set([...from.split("."), ...to.split(".")].map(Number), 12);
  ip.set([0x30, 0x39, 0x30, 0x39, 0, 8, 0, 0], 20);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += ip.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  ip.writeUInt16BE(~sum & 0xffff, 10);
  const head = Buffer.alloc(8);
  head[0] = 0x08;
  head.writeUIntBE(vni, 4, 3);
  return Buffer.concat([head, mac(to), mac(from), Buffer.from([0x08, 0x00]), ip]).toString("hex");
}

function lastAddress(subnet: string, back: number): string {
  const [network, length] = subnet.split("/") as [string, string];
  const value =
    network.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0) +
    2 ** (32 - Number(length)) -
    1 -
    back;
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

/** Looks up a name, and prints whether the query came back to itself. */
const NAME_SERVER = `
import socket, subprocess
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
server.settimeout(10)
lookup = subprocess.Popen(["getent", "hosts", "elsewhere.test"])
query, _ = server.recvfrom(512)
print("asked" if b"elsewhere" in query else query)
lookup.kill()
`;

describe("two sessions on the same three hosts", () => {
  test("share the hosts, not the network", () => {
    expect(new Set(a.containers.map((each) => each.node)).size).toBe(3);
    expect(new Set(b.containers.map((each) => each.node)).size).toBe(3);
    expect(a.network!.subnet).not.toBe(b.network!.subnet);
    expect(a.network!.vni).not.toBe(b.network!.vni);
  });

  test("no packet goes from one to the other, container to container", async () => {
    const before = await Promise.all(b.containers.map(({ host }) => packetsIn(b, host)));
    await Promise.all(a.containers.map(({ host }) => expectNoAnswer(a, host, b)));
    expect(await Promise.all(b.containers.map(({ host }) => packetsIn(b, host)))).toEqual(before);
  });

  test("nor with routes added in the container's namespace, on the wire or through any gateway", async () => {
    const before = await Promise.all(b.containers.map(({ host }) => packetsIn(b, host)));
    const gateways = [1, 2, 3].map((back) => lastAddress(a.network!.subnet, back));
    await Promise.all(
      a.containers.map(async ({ host }) => {
        for (const way of [["dev", "eth0"], ...gateways.map((gateway) => ["via", gateway])]) {
          await withRoute(a, host, [b.network!.subnet, ...way], () => expectNoAnswer(a, host, b));
        }
      }),
    );
    expect(await Promise.all(b.containers.map(({ host }) => packetsIn(b, host)))).toEqual(before);
  });

  test("no container reaches a service of its node or of another, on any of their addresses", async () => {
    const { lab } = await cluster();
    const services = await Promise.all(
      lab.hosts.map(async (host) => {
        const service = host.spawn([process.execPath, "-e", SERVICE]);
        await new Promise((resolve) => service.stdout!.once("data", resolve));
        return service;
      }),
    );
    try {
      // The services do answer: the neighbour on the LAN gets through.
      for (const [i, host] of lab.hosts.entries()) {
        const next = lab.hosts[(i + 1) % lab.hosts.length]!;
        const seen = await next.exec(["bash", "-c", `exec 3<>/dev/tcp/${host.address}/${PORT}; cat <&3`]);
        expect(seen.stdout).toBe("tcp");
      }
      const gateways = [a, b].flatMap((each) =>
        [1, 2, 3].map((back) => lastAddress(each.network!.subnet, back)),
      );
      const addresses = [...lab.hosts.map((host) => host.address), ...gateways, "172.17.0.1"];
      for (const { host } of a.containers) {
        const answers = await Promise.all(addresses.map((address) => answersFrom(a, host, address, PORT)));
        expect(Object.fromEntries(addresses.map((address, i) => [address, answers[i]]))).toEqual(
          Object.fromEntries(addresses.map((address) => [address, []])),
        );
      }
    } finally {
      for (const service of services) service.kill("SIGKILL");
    }
  });

  test("the way out to the world is open, unless egress is false", async () => {
    const { lab } = await cluster();
    const closed = await running({ image: "skein/debian:12", clusterSize: 1, network: { egress: false } });
    // The API's machine stands for the world, since it is no node.
    const world = lab.api.spawn([process.execPath, "-e", SERVICE]);
    await new Promise((resolve) => world.stdout!.once("data", resolve));
    try {
      expect(await answersFrom(a, "main1", lab.api.address, PORT, 10)).toEqual(["ping", "tcp", "udp"]);
      expect(await answersFrom(closed, "main1", lab.api.address, PORT)).toEqual([]);
      // The engine's resolver asks a name server inside the container: none listens, except in this test.
      expect(await exec(closed, "main1", ["python3", "-c", NAME_SERVER])).toMatchObject({
        stdout: "asked\n",
      });
    } finally {
      world.kill("SIGKILL");
      await end(closed);
    }
  });

  test("overlay packets from a machine that is no peer do not come in", async () => {
    const { lab } = await cluster();
    const target = containerOf(b, "sub1");
    const host = lab.hosts.find((each) => each.name === target.node)!;
    const before = await packetsIn(b, "sub1");
    const peer = lab.hosts.find((each) => each.name === containerOf(b, "main1").node)!;
    const frame = vxlanPacket(b.network!.vni!, containerOf(b, "main1").address!, target.address!);
    const send = (times: number) =>
      `const u=require("dgram").createSocket("udp4");let n=${times};const go=()=>n--?u.send(Buffer.from("${frame}","hex"),14789,"${host.address}",go):u.close();go();`;
    const sent = await lab.api.exec([process.execPath, "-e", send(20)]);
    expect(sent.code, sent.stderr).toBe(0);
    expect(await packetsIn(b, "sub1")).toBe(before);
    // The same frames from a peer do come in, so the firewall dropped the stranger's.
    await peer.exec([process.execPath, "-e", send(20)]);
    expect(await packetsIn(b, "sub1")).toBeGreaterThanOrEqual(before + 20);
  });

  test("the API still shows both as running", async () => {
    const { body } = await request<{ items: SessionView[] }>("GET", "/v1/sessions?status=running");
    expect(body.items.map((each) => each.id).sort()).toEqual([a.id, b.id].sort());
  });
});
