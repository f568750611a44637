/** A session's VXLAN overlay on one node: the device, its place in the bridge, and static forwarding and neighbour entries. */
import type { Assignment, Member } from "../../shared/protocol/protocol.ts";
import { HostCommandError, type Runner } from "../host/runner.ts";
import { entriesOf, forwardingChanges, neighbourChanges } from "./entries.ts";
import {
  batch,
  type Link,
  readForwarding,
  readLink,
  readPermanentNeighbours,
  unlessMissing,
} from "./iproute.ts";
import { type LinkNames, linkAlias, linkNames, macOf, type Owner } from "./link-names.ts";

/** What a node has to know to join an overlay. */
export type OverlayPart = {
  owner: Owner;
  session: string;
  /** With a VNI: driver "overlay". */
  network: Assignment["network"];
  /** All of the session's containers, this node's included. */
  members: readonly Member[];
};

/** The VNI or the UDP port is taken by something on this machine that is not ours: another plan may help. */
export class NetworkConflict extends Error {
  override readonly name = "NetworkConflict";
}

/**
 * Makes the kernel be as the assignment says, and changes only what differs: to be called after Docker made the bridge (named
 * `linkNames(...).bridge`), and again at any time. Throws NetworkConflict, or HostCommandError.
 */
export async function applyOverlay(runner: Runner, part: OverlayPart): Promise<void> {
  const { owner, session, network, members } = part;
  const names = linkNames(owner, session);
  const wanted = entriesOf(network, members, owner.node);
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
  const about = `VNI ${network.vni}, UDP port ${network.port}`;
  await unlessTaken(
    about,
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
  await unlessTaken(
    about,
    batch(runner, "ip", [
      // A new MAC makes the kernel forget a bridge's neighbours, the permanent ones too.
      ...neighbourChanges(names, wanted, moved ? [] : neighbours),
      // Last, so that nothing is sent before it is known where to.
      ...(device?.flags.includes("UP") ? [] : [`link set dev ${names.vxlan} up`]),
    ]),
  );
}

/** Takes the VXLAN device away, with all its entries; to be called before the Docker network goes. No error where it is gone. */
export async function removeOverlay(runner: Runner, owner: Owner, session: string): Promise<void> {
  await unlessMissing(runner.run(["ip", "link", "del", "dev", linkNames(owner, session).vxlan]));
}

/** Those attributes that cannot be changed on a device that is there. */
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

/** Without `dev`: the device would go away with that interface. With an MTU, which is 1500 otherwise, whatever the path's. */
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
    // No link-local address, so nothing of the node's own is sent into the session. Where the machine has no IPv6, asking for it fails.
    ...(bridgeLink.inet6_addr_gen_mode === undefined || device?.inet6_addr_gen_mode === "none"
      ? []
      : ["addrgenmode none"]),
    ...(device?.master === bridge ? [] : [`master ${bridge}`]),
  ];
  return changes.length === 0 ? [] : [`link set dev ${vxlan} ${changes.join(" ")}`];
}

/** The port learns nothing, floods no frame for a MAC that is not in the plan, and lets the bridge answer ARP for those that are. */
function portChanges({ vxlan }: LinkNames, device: Link | undefined): string[] {
  const port = device?.linkinfo?.info_slave_data;
  if (port?.learning === false && port.flood === false && port.neigh_suppress === true) return [];
  return [`link set dev ${vxlan} learning off flood off neigh_suppress on`];
}

/** EEXIST: another device has the VNI at that port. EADDRINUSE: another socket has the port. */
async function unlessTaken(what: string, command: Promise<void>): Promise<void> {
  try {
    await command;
  } catch (error) {
    if (error instanceof HostCommandError && /already exists|File exists|already in use/.test(error.stderr)) {
      throw new NetworkConflict(`${what} is taken on this machine: ${error.stderr.trim()}`, { cause: error });
    }
    throw error;
  }
}
