/** Removes our links from the kernel that belong to no session. */
import type { Runner } from "../host/runner.ts";
import { batch, readLinks, unlessMissing } from "./iproute.ts";
import { isOwnBridge, isOwnVxlan, linkNames, type Owner } from "./link-names.ts";

/**
 * Removes this owner's VXLAN devices and bridges, except those of the sessions in `keep` (ids). Resolves to the removed names. `keep` must
 * have each session with a Docker network, since Docker removes those bridges.
 */
export async function sweepLinks(runner: Runner, owner: Owner, keep: ReadonlySet<string>): Promise<string[]> {
  const kept = new Set([...keep].flatMap((session) => namesOf(owner, session)));
  const [devices, bridges] = await Promise.all([readLinks(runner, "vxlan"), readLinks(runner, "bridge")]);
  const stale = devices
    .filter(({ ifname, ifalias }) => isOwnVxlan(owner, ifname, ifalias))
    .map(({ ifname }) => ifname)
    .filter((name) => !kept.has(name));
  const orphans = bridges
    .filter(({ ifname, ifalias }) => isOwnBridge(owner, ifname, ifalias))
    .map(({ ifname }) => ifname)
    .filter((name) => !kept.has(name));
  await batch(
    runner,
    "ip",
    stale.map((name) => `link del dev ${name}`),
  );
  for (const bridge of orphans) await removeBridge(runner, bridge);
  return [...stale, ...orphans];
}

/** Removes a bridge that Docker left behind. To be called when Docker does not have the network. */
export async function removeOrphanedBridge(runner: Runner, owner: Owner, session: string): Promise<void> {
  const names = bridgesOf(owner, session);
  const found = (await readLinks(runner, "bridge")).filter(({ ifname }) => names.includes(ifname));
  for (const { ifname } of found) await removeBridge(runner, ifname);
}

/** Both names that its bridge may have. */
const bridgesOf = (owner: Owner, session: string) =>
  [false, true].map((onNode) => linkNames(owner, session, onNode).bridge);

const namesOf = (owner: Owner, session: string) => [
  linkNames(owner, session).vxlan,
  ...bridgesOf(owner, session),
];

/**
 * Removes a bridge that Docker made and forgot, with its iptables rules. Docker 20.10 leaves them when its chains were flushed before it made
 * a network, or when it was killed while it removed one. It then makes the bridge again at each start, for a network that it does not list
 * ("phantom network", moby/libnetwork#1743).
 */
async function removeBridge(runner: Runner, bridge: string): Promise<void> {
  for (const table of ["nat", "filter"]) {
    const rules = (await runner.run(["iptables-save", "--table", table])).split("\n");
    for (const rule of rules.filter((line) => line.startsWith("-A ") && line.split(" ").includes(bridge))) {
      const deletion = ["iptables", "--wait", "--table", table, "--delete", ...rule.split(" ").slice(1)];
      // Docker may be removing the network, and its rules, at this moment.
      await unlessMissing(runner.run(deletion));
    }
  }
  await unlessMissing(runner.run(["ip", "link", "del", "dev", bridge]));
}
