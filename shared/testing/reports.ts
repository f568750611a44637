/** What an agent reports that always succeeds, and the SSH identities of its containers. */
import type { Assign, Report } from "../protocol/protocol.ts";

/** The report of an agent that has reached the wanted phase. */
export function done(assign: Assign, change: Partial<Report> = {}): Report {
  const { session, epoch, phase } = assign;
  const hosts = hostsOf(assign);
  return {
    type: "report",
    session,
    epoch,
    phase,
    containers: hosts.map((host) => ({ host, status: phase, containerId: `id-of-${host}` })),
    ...(phase === "prepared" ? { identities: hosts.map(identityOf) } : {}),
    ...change,
  };
}

/** Identities of the node's own containers. */
export function hostsOf({ part }: Assign): string[] {
  return part?.containers.map(({ host }) => host) ?? [];
}

export function identityOf(host: string) {
  const key = (of: string) => `${of}-${host}`.padEnd(43, "A");
  return { host, user: "root", hostKey: key("host"), userKey: key("user") };
}

/** As `started` carries it. */
export function keysOf(host: string): [user: string, hostKey: string, userKey: string] {
  const { user, hostKey, userKey } = identityOf(host);
  return [user, hostKey, userKey];
}
