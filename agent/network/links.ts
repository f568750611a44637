/** What of ours is in the kernel: for the sweep of what no session claims. */
import type { Runner } from "../host/runner.ts";
import { batch, readLink, readVxlanLinks } from "./iproute.ts";
import { linkAlias, linkNames, linkPrefixes, type Owner } from "./names.ts";

/**
 * Removes this owner's VXLAN devices that belong to no session of `keep` (ids); answers with the names it removed. Bridges are Docker's
 * to remove, after this.
 */
export async function sweepLinks(runner: Runner, owner: Owner, keep: ReadonlySet<string>): Promise<string[]> {
  const kept = new Set([...keep].map((session) => linkNames(owner, session).vxlan));
  const stale = (await readVxlanLinks(runner))
    .filter(({ ifname, ifalias }) => isOurs(owner, ifname, ifalias) && !kept.has(ifname))
    .map((link) => link.ifname);
  await batch(
    runner,
    "ip",
    stale.map((name) => `link del dev ${name}`),
  );
  return stale;
}

/**
 * Removes what Docker leaves of a bridge when it fails halfway through making a network (20.10 does, where its own chains were flushed): it no longer
 * knows the network, but the bridge and the rule that masquerades for it are there. To be called when Docker has no such network.
 */
export async function removeOrphanedBridge(runner: Runner, owner: Owner, session: string): Promise<void> {
  const { bridge } = linkNames(owner, session);
  if (!(await readLink(runner, bridge))) return;
  await batch(runner, "ip", [`link del dev ${bridge}`]);
  const rules = (await runner.run(["iptables-save", "--table", "nat"])).split("\n");
  for (const rule of rules.filter((line) => line.startsWith("-A ") && line.split(" ").includes(bridge))) {
    await runner.run(["iptables", "--wait", "--table", "nat", "--delete", ...rule.split(" ").slice(1)]);
  }
}

/** Gives the node these addresses in the session, for containers that are on its own network. They go with the bridge. */
export async function addAddresses(
  runner: Runner,
  owner: Owner,
  session: string,
  addresses: readonly string[],
): Promise<void> {
  const { bridge } = linkNames(owner, session);
  await batch(
    runner,
    "ip",
    addresses.map((address) => `address replace ${address}/32 dev ${bridge}`),
  );
}

/** By name; and by alias, unless we were killed between making it and giving it one. */
function isOurs(owner: Owner, name: string, alias = ""): boolean {
  const ours = linkAlias(owner, "x").slice(0, -1);
  return name.startsWith(linkPrefixes(owner).vxlan) && (alias === "" || alias.startsWith(ours));
}
