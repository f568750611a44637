/** A session's VXLAN overlay on one node: the device, its bridge port, and static forwarding and neighbour entries. */
import { macOf } from "../../shared/network/ipv4.ts";
import { type Assignment, hasOnNode, type Member } from "../../shared/protocol/assignment.ts";
import { HostCommandError, type Runner } from "../host/runner.ts";
import { entriesOf, forwardingChanges, neighbourChanges } from "./entries.ts";
import {
  batch,
  type Link,
  readForwarding,
  readLink,
  readLinks,
  readPermanentNeighbours,
  unlessMissing,
} from "./iproute.ts";
import { type LinkNames, linkAlias, linkNames, type Owner } from "./link-names.ts";
import type { UsedVni } from "./network-facts.ts";

/** What a node needs to know to join an overlay. */
export type OverlayPart = {
  owner: Owner;
  session: string;
  /** Of driver "overlay", with a VNI. */
  network: Assignment["network"];
  /** All containers of the session, also this node's. */
  members: readonly Member[];
  /** This node's index among the session's nodes. */
  place: number;
};

/** Something else on this machine uses the VNI or the UDP port. Another plan may help. */
export class NetworkConflict extends Error {
  override readonly name = "NetworkConflict";
  /** The VNI and its port; undefined when only the port is in use. */
  readonly used: UsedVni | undefined;

  constructor(message: string, used: UsedVni | undefined, cause: Error) {
    super(message, { cause });
    this.used = used;
  }
}

/**
 * Compares the kernel with the assignment, and changes only the difference. To be called after Docker made the bridge
 * (`linkNames`), and again at any time. @throws NetworkConflict, HostCommandError
 */
export async function applyOverlay(runner: Runner, part: OverlayPart): Promise<void> {
  const { owner, session, network, members, place } = part;
  const names = linkNames(owner, session, hasOnNode(part));
  const wanted = entriesOf(network, members, place);
  const [bridge, found, forwarding, neighbours] = await Promise.all([
    readLink(runner, names.bridge),
    readLink(runner, names.vxlan),
    readForwarding(runner, names.vxlan),
    readPermanentNeighbours(runner, names.bridge),
  ]);
  if (bridge === undefined)
    throw new Error(`session ${session} has no bridge ${names.bridge} to put a VXLAN device in`);

  const moved = bridge.address !== macOf(network.gateway);
  const device = found !== undefined && isSameTunnel(found, network) ? found : undefined;
  await orConflict(
    runner,
    network,
    batch(runner, "ip", [
      ...(moved ? [`link set dev ${names.bridge} address ${macOf(network.gateway)}`] : []),
      ...(found !== undefined && device === undefined ? [`link del dev ${names.vxlan}`] : []),
      ...(device === undefined ? [creation(names, network)] : []),
      ...linkChanges(names, linkAlias(owner, session), network.mtu, bridge, device),
    ]),
  );
  await batch(runner, "bridge", [
    ...portChanges(names, device),
    ...forwardingChanges(names, wanted, device === undefined ? [] : forwarding, device?.address),
  ]);
  await orConflict(
    runner,
    network,
    batch(runner, "ip", [
      // When a bridge gets a new MAC the kernel drops its neighbours, even permanent ones.
      ...neighbourChanges(names, wanted, moved ? [] : neighbours),
      // Last, so that no packet is sent before all entries are there.
      ...(device?.flags.includes("UP") ? [] : [`link set dev ${names.vxlan} up`]),
    ]),
  );
}

/** Removes the VXLAN device with all its entries. To be called before the Docker network is removed. No error when it is gone. */
export async function removeOverlay(runner: Runner, owner: Owner, session: string): Promise<void> {
  await unlessMissing(runner.run(["ip", "link", "del", "dev", linkNames(owner, session).vxlan]));
}

/** Compares the attributes that cannot be changed on an existing device. */
function isSameTunnel({ linkinfo }: Link, network: Assignment["network"]): boolean {
  const data = linkinfo?.info_data;
  return (
    linkinfo?.info_kind === "vxlan" &&
    data?.id === network.vni &&
    data?.port === network.port &&
    data?.local === network.vtep &&
    data?.learning === false
  );
}

/** Without `dev`, since the device would be removed with that interface. With an MTU, since the default is 1500 whatever the path has. */
function creation({ vxlan }: LinkNames, { mtu, vni, vtep, port }: Assignment["network"]): string {
  return `link add name ${vxlan} mtu ${mtu} type vxlan id ${vni} local ${vtep} dstport ${port} nolearning ttl 64`;
}

function linkChanges(
  { bridge, vxlan }: LinkNames,
  alias: string,
  mtu: number,
  bridgeLink: Link,
  device: Link | undefined,
): string[] {
  const changes = [
    ...(device === undefined || device.mtu === mtu ? [] : [`mtu ${mtu}`]),
    ...(device?.ifalias === alias ? [] : [`alias ${alias}`]),
    // Without a link-local address the node itself sends nothing into the session. On a machine without IPv6 this setting is an error.
    ...(bridgeLink.inet6_addr_gen_mode === undefined || device?.inet6_addr_gen_mode === "none"
      ? []
      : ["addrgenmode none"]),
    ...(device?.master === bridge ? [] : [`master ${bridge}`]),
  ];
  return changes.length === 0 ? [] : [`link set dev ${vxlan} ${changes.join(" ")}`];
}

/** The port learns no MACs, does not flood frames for unknown MACs, and lets the bridge answer ARP requests. */
function portChanges({ vxlan }: LinkNames, device: Link | undefined): string[] {
  const port = device?.linkinfo?.info_slave_data;
  if (port?.learning === false && port.flood === false && port.neigh_suppress === true) return [];
  return [`link set dev ${vxlan} learning off flood off neigh_suppress on`];
}

/** iproute2's words for EEXIST (another device has the VNI at this port) and for EADDRINUSE (another socket has the port). */
const VNI_IN_USE = /already exists|File exists/;
const PORT_IN_USE = /already in use/;

async function orConflict(
  runner: Runner,
  { vni = 0, port }: Assignment["network"],
  command: Promise<void>,
): Promise<void> {
  try {
    await command;
  } catch (error) {
    if (!(error instanceof HostCommandError)) throw error;
    if (VNI_IN_USE.test(error.stderr)) {
      const devices = await readLinks(runner, "vxlan").catch(() => []);
      const holder = devices.find(
        ({ linkinfo }) => linkinfo?.info_data?.id === vni && linkinfo.info_data.port === port,
      );
      const by = holder ? ` by the VXLAN device ${holder.ifname}` : `: ${error.stderr.trim()}`;
      throw new NetworkConflict(
        `VNI ${vni} at UDP port ${port} is in use on this machine${by}`,
        { vni, port },
        error,
      );
    }
    if (PORT_IN_USE.test(error.stderr))
      throw new NetworkConflict(
        `UDP port ${port} is in use on this machine by another program`,
        undefined,
        error,
      );
    throw error;
  }
}
