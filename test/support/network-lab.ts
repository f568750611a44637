/** Shared by the tests of the network on real kernels: three hosts on a LAN, two sessions on them, and a stranger. */
import { afterAll, beforeAll } from "vitest";
import { applyFirewall, type GuardedSession } from "../../agent/network/firewall.ts";
import { applyOverlay } from "../../agent/network/overlay.ts";
import { createLan, removeLan } from "../lab/lan.ts";
import { Host, type Namespace, overlayOf } from "../overlay/hosts.ts";

/** Where all of them answer, on TCP and UDP. */
export const PORT = 7000;

/** What `reaches` says where nothing is blocked. */
export const EVERYTHING = "icmp tcp udp";

/** Brings it up before all tests of a file, and down after them. */
export function useNetworkLab() {
  const hosts = [new Host(1), new Host(2), new Host(3)] as const;
  const [one, two, three] = hosts;
  /** On the LAN, but no node. It has a route to the sessions' networks, through host one. */
  const stranger = new Host(9);
  const red = { id: "ses_red", ...overlayOf([one, two, three, one], 1) };
  const blue = { id: "ses_blue", ...overlayOf([one, two], 2, false) };
  type Session = typeof red;

  /** By address. */
  const containers = new Map<string, Namespace>();
  /** What a container got by UDP, as `FROM TEXT`; by its address. */
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

  return { hosts, stranger, red, blue, containers, received, address, container, sessionsOn, partOf, guard };
}
