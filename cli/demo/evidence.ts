/** What is left on the hosts after the last session, according to Docker and the kernel, not Skein. */
import type { Cluster } from "../../test/lab/cluster.ts";
import type { LabHost } from "../../test/lab/host.ts";
import { table } from "../table.ts";
import type { Text } from "../terminal-text.ts";

/** A row per host with everything that is there. @throws Error if anything of a session is left */
export async function nothingLeft(cluster: Cluster): Promise<Text> {
  const left = await cluster.leftovers();
  if (left.length > 0) throw new Error(`left behind:\n${left.join("\n")}`);
  const rows = await Promise.all(cluster.lab.hosts.map(inventory));
  return table(["HOST", "CONTAINERS", "DOCKER NETWORKS", "LINKS", "NFT TABLES OF SKEIN"], rows);
}

async function inventory(host: LabHost): Promise<string[]> {
  const [containers, networks, links, tables] = await Promise.all([
    host.docker.listContainers({ all: true }),
    host.docker.listNetworks(),
    host.exec(["ip", "-json", "link"]),
    host.exec(["nft", "list", "tables"]),
  ]);
  const names = (JSON.parse(links.stdout) as { ifname: string }[]).map(({ ifname }) => ifname);
  const ours = tables.stdout.split("\n").filter((line) => /\bskein-/.test(line));
  return [
    host.name,
    some(containers.map(({ Names }) => Names[0]!)),
    some(networks.map(({ Name }) => Name)),
    some(names),
    some(ours),
  ];
}

function some(names: string[]): string {
  return names.length === 0 ? "none" : names.sort().join(" ");
}
