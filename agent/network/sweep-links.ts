/** What of ours is in the kernel: for the sweep of what no session claims. */
import type { Runner } from "../host/runner.ts";
import { batch, readLink, readLinks, unlessMissing } from "./iproute.ts";
import { linkAlias, linkNames, linkPrefixes, type Owner } from "./link-names.ts";

/**
 * Removes this owner's VXLAN devices and bridges that belong to no session of `keep` (ids); answers with the names it removed. A session
 * whose network Docker has must be one of `keep`: that bridge is Docker's to remove.
 */
export async function sweepLinks(runner: Runner, owner: Owner, keep: ReadonlySet<string>): Promise<string[]> {
  const kept = [...keep].map((session) => linkNames(owner, session));
  const [devices, bridges] = await Promise.all([readLinks(runner, "vxlan"), readLinks(runner, "bridge")]);
  const stale = devices
    .filter(({ ifname, ifalias }) => isOurs(owner, ifname, ifalias))
    .map(({ ifname }) => ifname)
    .filter((name) => !kept.some(({ vxlan }) => vxlan === name));
  const orphans = bridges
    .map(({ ifname }) => ifname)
    .filter((name) => isBridgeOf(owner, name) && !kept.some(({ bridge }) => bridge === name));
  await batch(
    runner,
    "ip",
    stale.map((name) => `link del dev ${name}`),
  );
  for (const bridge of orphans) await removeBridge(runner, bridge);
  return [...stale, ...orphans];
}

/** To be called when Docker has no such network: it may have left the bridge. */
export async function removeOrphanedBridge(runner: Runner, owner: Owner, session: string): Promise<void> {
  const { bridge } = linkNames(owner, session);
  if (await readLink(runner, bridge)) await removeBridge(runner, bridge);
}

/**
 * Removes a bridge that Docker made and does not know any more, with its rules. Docker 20.10 leaves those where its own chains were flushed
 * when it made a network, and where it was killed while it removed one: then it makes the bridge again whenever it starts, for a network that
 * it does not list ("phantom network", moby/libnetwork#1743).
 */
async function removeBridge(runner: Runner, bridge: string): Promise<void> {
  for (const table of ["nat", "filter"]) {
    const rules = (await runner.run(["iptables-save", "--table", table])).split("\n");
    for (const rule of rules.filter((line) => line.startsWith("-A ") && line.split(" ").includes(bridge))) {
      await runner.run(["iptables", "--wait", "--table", table, "--delete", ...rule.split(" ").slice(1)]);
    }
  }
  await unlessMissing(runner.run(["ip", "link", "del", "dev", bridge]));
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

/** By name alone, all of it: Docker's bridges have no alias. */
function isBridgeOf(owner: Owner, name: string): boolean {
  return name.startsWith(linkPrefixes(owner).bridge) && /^skb[a-z2-7]{12}$/.test(name);
}
