/**
 * Hosts and containers without Docker, for tests of the kernel's part of the network: a host is a namespace on the lab's LAN, a session's
 * bridge a plain one, a container a namespace with a cable to it.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { hostRunner, type Runner } from "../../agent/host/runner.ts";
import { linkNames, type Owner, tableName } from "../../agent/network/link-names.ts";
import { VXLAN_OVERHEAD } from "../../shared/network/addressing.ts";
import { macOf } from "../../shared/network/ipv4.ts";
import type { Assignment, Member } from "../../shared/protocol/assignment.ts";
import { DEFAULT_SETTINGS } from "../../shared/settings/settings.ts";
import { capture, type Result } from "../lab/command.ts";
import { addressOf, netnsPath, plugIn, unplug } from "../lab/lan.ts";

const traffic = join(import.meta.dirname, "traffic.ts");

export class Namespace {
  readonly name: string;
  /** `changes` records all commands that do more than read. */
  readonly runner: Runner;
  readonly changes: string[] = [];
  readonly #children: ChildProcess[] = [];

  constructor(name: string) {
    this.name = name;
    this.runner = {
      run: (argv, options) => {
        if (!argv.includes("show")) this.changes.push(`${argv.join(" ")}\n${options?.input ?? ""}`);
        return hostRunner.run(["nsenter", `--net=${netnsPath(name)}`, ...argv], options);
      },
    };
  }

  /** Lines for `ip -batch`. */
  async ip(...lines: string[]): Promise<void> {
    await hostRunner.run(["ip", "-netns", this.name, "-batch", "-"], { input: `${lines.join("\n")}\n` });
  }

  async json<T>(...argv: string[]): Promise<T> {
    return JSON.parse((await hostRunner.run(["nsenter", `--net=${netnsPath(this.name)}`, ...argv])) || "[]");
  }

  try(...argv: string[]): Promise<Result> {
    return capture(["nsenter", `--net=${netnsPath(this.name)}`, ...argv]);
  }

  /** Whether it gets an answer to `bytes` of ICMP payload with DF set. */
  async pings(address: string, bytes = 56): Promise<boolean> {
    const argv = ["ping", "-n", "-q", "-c", "1", "-W", "1", "-M", "do", "-s", String(bytes), address];
    return (await this.try(...argv)).code === 0;
  }

  traffic(...args: (string | number)[]): Promise<Result> {
    return this.try(process.execPath, traffic, ...args.map(String));
  }

  /** Which of ICMP, TCP and UDP get through. */
  async reaches(address: string, port: number): Promise<string> {
    const [icmp, tcp, udp] = await Promise.all([
      this.pings(address),
      this.traffic("tcp", address, port, 1),
      this.traffic("udp", address, port, "hello"),
    ]);
    const ways = [icmp && "icmp", tcp.code === 0 && "tcp", udp.code === 0 && "udp"].filter(Boolean);
    return ways.join(" ") || "nothing";
  }

  /** Answers on TCP and UDP. The list records what arrives by UDP, as `FROM TEXT`. */
  async serve(port: number): Promise<string[]> {
    const argv = [`--net=${netnsPath(this.name)}`, process.execPath, traffic, "serve", String(port)];
    const child = spawn("nsenter", argv, { stdio: ["ignore", "pipe", "inherit"] });
    this.#children.push(child);
    const lines = createInterface(child.stdout);
    await once(lines, "line");
    const received: string[] = [];
    lines.on("line", (line) => received.push(line));
    return received;
  }

  async endChildren(): Promise<void> {
    for (const child of this.#children.splice(0)) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }
}

/** A host on the LAN; `number` makes its name and its address. */
export class Host extends Namespace {
  readonly address: string;
  readonly owner: Owner;
  readonly #containers: Namespace[] = [];

  constructor(number: number) {
    super(`node${number}`);
    this.address = addressOf(100 + number);
    this.owner = { fleet: "flt_test", node: this.name };
  }

  async start(): Promise<void> {
    await plugIn(this.name, this.address, 1500);
    // As Docker does.
    await hostRunner.run([
      "nsenter",
      `--net=${netnsPath(this.name)}`,
      "sysctl",
      "-q",
      "net.ipv4.ip_forward=1",
    ]);
  }

  async stop(): Promise<void> {
    await this.endChildren();
    for (const container of this.#containers) {
      await container.endChildren();
      await hostRunner.run(["ip", "netns", "delete", container.name]);
    }
    await unplug(this.name, this.address);
  }

  /** Makes what Docker makes for a network: a bridge with the gateway's address. */
  async makeBridge(session: string, network: Assignment["network"]): Promise<void> {
    const { bridge } = linkNames(this.owner, session);
    const prefix = network.subnet.split("/")[1];
    await this.ip(
      `link add ${bridge} type bridge`,
      `address add ${network.gateway}/${prefix} dev ${bridge}`,
      `link set ${bridge} up`,
    );
  }

  async removeBridge(session: string): Promise<void> {
    await this.ip(`link delete ${linkNames(this.owner, session).bridge}`);
  }

  /** Makes what Docker makes for a container: a cable to the bridge, a pinned MAC, a default route. */
  async addContainer(session: string, network: Assignment["network"], address: string): Promise<Namespace> {
    const container = new Namespace(`c-${address}`);
    const port = `p${address.replaceAll(".", "")}`;
    await hostRunner.run(["ip", "netns", "add", container.name]);
    await this.ip(
      `link add ${port} mtu ${network.mtu} type veth peer name eth0 mtu ${network.mtu} address ${macOf(address)} netns ${container.name}`,
      `link set ${port} master ${linkNames(this.owner, session).bridge} up`,
    );
    await container.ip(
      "link set lo up",
      `address add ${address}/${network.subnet.split("/")[1]} dev eth0`,
      "link set eth0 up",
      `route add default via ${network.gateway}`,
    );
    this.#containers.push(container);
    return container;
  }

  /** A separate table for one rule of address translation, like Docker's. */
  async nat(table: string, hook: string, rule: string): Promise<void> {
    const chain = `chain nat {\n type nat hook ${hook}\n ${rule}\n }`;
    await this.runner.run(["nft", "-f", "-"], { input: `table ip ${table} {\n ${chain}\n}\n` });
  }

  /** Packets dropped so far by the rules with this comment. */
  dropped(comment: string): Promise<number> {
    return this.#counted("inet", tableName(this.owner), comment);
  }

  async #counted(family: string, table: string, comment: string): Promise<number> {
    type Rule = { rule?: { comment?: string; expr: { counter?: { packets: number } }[] } };
    const { nftables } = await this.json<{ nftables: Rule[] }>("nft", "-j", "list", "table", family, table);
    return nftables
      .filter(({ rule }) => rule?.comment === comment)
      .flatMap(({ rule }) => rule!.expr.map((each) => each.counter?.packets ?? 0))
      .reduce((sum, packets) => sum + packets, 0);
  }

  /** Counts packets on its bridges from the MAC `from`, and to the MAC `unused`. */
  async watch(from: string, unused: string): Promise<void> {
    const input = `table bridge watch {
      chain watch {
        type filter hook prerouting priority filter;
        ether saddr ${from} ip protocol icmp counter comment "icmp"
        ether saddr ${from} ether daddr ff:ff:ff:ff:ff:ff counter comment "broadcast"
        ether daddr ${unused} counter comment "unused"
      }
    }`;
    await this.runner.run(["nft", "-f", "-"], { input });
  }

  async seen() {
    const [icmp, broadcast, unused] = await Promise.all(
      ["icmp", "broadcast", "unused"].map((comment) => this.#counted("bridge", "watch", comment)),
    );
    return { icmp: icmp!, broadcast: broadcast!, unused: unused! };
  }
}

/** A session with a container on each of `seats`, at `.2`, `.3`, … of `10.64.SUBNET.0/24`; gateways from `.254` down. */
export function overlayOf(seats: readonly Host[], subnet: number, egress = true) {
  const hosts = [...new Set(seats)];
  /** A host's index among the session's hosts; -1: it is not among them. */
  const placeOf = (host: Host) => hosts.indexOf(host);
  const all = hosts.map((host, at) => ({
    place: at,
    vtep: host.address,
    gateway: `10.64.${subnet}.${254 - at}`,
  }));
  const members: Member[] = seats.map((host, at) => ({
    host: at === 0 ? "main1" : `sub${at}`,
    address: `10.64.${subnet}.${2 + at}`,
    place: placeOf(host),
  }));
  const networkOf = (host: Host): Assignment["network"] => {
    const own = all[placeOf(host)]!;
    return {
      driver: "overlay",
      subnet: `10.64.${subnet}.0/24`,
      gateway: own.gateway,
      vtep: own.vtep,
      mtu: 1500 - VXLAN_OVERHEAD,
      vni: DEFAULT_SETTINGS.vniBase + subnet,
      port: DEFAULT_SETTINGS.vxlanPort,
      egress,
      peers: all.filter((node) => node !== own),
    };
  };
  return { members, networkOf, placeOf };
}
