/** What sessions have on a host, read from its Docker engine, its kernel and its agent's files, not from Skein. */
import { existsSync, globSync } from "node:fs";
import type Docker from "dockerode";
import type { LabHost } from "./host.ts";

/** Names of Skein's links: `skb…` and `ske…` bridges, `skv…` VXLAN devices. */
const LINK = /\bsk[bev][a-z2-7]/;

/** A host, and the directory of an agent on it. */
interface Place {
  host: LabHost;
  stateDir: string;
}

/** A line for each object; empty when nothing of any session is left. */
export async function leftovers(places: readonly Place[]): Promise<string[]> {
  return (await Promise.all(places.map(leftoversOn))).flat();
}

async function leftoversOn({ host, stateDir }: Place): Promise<string[]> {
  const found = await Promise.all([
    containers(host),
    networks(host),
    links(host),
    lines(host, ["bridge", "fdb", "show"], "forwarding entry", LINK),
    lines(host, ["ip", "neigh", "show", "nud", "all"], "neighbour entry", LINK),
    lines(host, ["ip", "route", "show", "table", "all"], "route", LINK),
    lines(host, ["nft", "list", "tables"], "nft table", /\bskein-/),
    lines(host, ["iptables-save"], "iptables rule", LINK),
    files(stateDir),
  ]);
  return found.flat().map((what) => `${host.name}: ${what}`);
}

async function containers(host: LabHost): Promise<string[]> {
  const all = await host.docker.listContainers({ all: true, filters: { label: ["skein.fleet"] } });
  return all.map(({ Names, State }) => `container ${Names[0]} (${State})`);
}

/**
 * A network whose removal the engine refuses, though nothing is in it, is the engine's own: it counts a container too many until its next
 * start (moby/moby#42119). The agent then removes the bridge. As long as there is a bridge, nothing is tried here: the agent may be at it.
 */
async function networks(host: LabHost): Promise<string[]> {
  const all = await host.docker.listNetworks();
  const ours = all.filter(({ Name }) => Name.startsWith("skein-"));
  const bridges = new Set((await linksOf(host)).map(({ ifname }) => ifname));
  const left = await Promise.all(
    ours.map(async ({ Id, Options }) => {
      const bridge = Options?.["com.docker.network.bridge.name"] ?? "";
      return bridges.has(bridge) || !(await isMiscounted(host.docker.getNetwork(Id)));
    }),
  );
  return ours.filter((_, at) => left[at]).map(({ Name }) => `network ${Name}`);
}

async function isMiscounted(network: Docker.Network): Promise<boolean> {
  return await network.remove().then(
    () => false,
    (error: { statusCode?: number }) => error.statusCode === 403,
  );
}

async function linksOf(host: LabHost): Promise<{ ifname: string }[]> {
  return JSON.parse(await output(host, ["ip", "-json", "link", "show"]));
}

async function links(host: LabHost): Promise<string[]> {
  return (await linksOf(host))
    .filter(({ ifname }) => ifname.startsWith("sk"))
    .map(({ ifname }) => `link ${ifname}`);
}

async function lines(host: LabHost, argv: string[], what: string, ours: RegExp): Promise<string[]> {
  const text = await output(host, argv);
  return text
    .split("\n")
    .filter((line) => ours.test(line))
    .map((line) => `${what} ${line.trim()}`);
}

async function output(host: LabHost, argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await host.exec(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")} on ${host.name}: exit ${code}\n${stderr}`);
  return stdout;
}

/** The agent stores each session's files in its own directory there. */
async function files(state: string): Promise<string[]> {
  if (!existsSync(state)) return [];
  return globSync("sessions/*", { cwd: state }).map((path) => `file ${path}`);
}
