/** Faults from outside Skein: changes to its containers, and to its objects in the kernel. */
import type { LabHost } from "../lab/host.ts";
import type { Draw, Fault } from "./fault.ts";

type Meddling = (host: LabHost, id: string) => Promise<unknown>;

const atOnce = { on: ["kernel"], lasts: [0, 0] } as const;

export const CONTAINER_FAULTS: readonly Fault[] = [
  {
    ...atOnce,
    name: "container killed",
    weight: 2,
    strike: toContainer((host, id) => host.docker.getContainer(id).kill()),
  },
  {
    ...atOnce,
    name: "container removed",
    weight: 2,
    strike: toContainer((host, id) => host.docker.getContainer(id).remove({ force: true })),
  },
];

export const KERNEL_FAULTS: readonly Fault[] = [
  {
    ...atOnce,
    name: "overlay deleted",
    weight: 2,
    strike: toOneOf(["ip", "-brief", "link", "show", "type", "vxlan"], /^(skv\S+)/gm, (device) => [
      ...["ip", "link", "delete", device],
    ]),
  },
  {
    ...atOnce,
    name: "firewall deleted",
    weight: 2,
    strike: toOneOf(["nft", "list", "tables"], /^table (\S+ skein-\S+)/gm, (table) => [
      ...["nft", "delete", "table", ...table.split(" ")],
    ]),
  },
];

/** Strikes one of the host's Skein containers. The engine may be down, or the container gone already. */
function toContainer(meddle: Meddling): Fault["strike"] {
  return async ({ cluster, at, choice }) => {
    const host = cluster.lab.hosts[at]!;
    try {
      const all = await host.docker.listContainers({ filters: { label: ["skein.fleet"] } });
      if (all.length === 0) return false;
      await meddle(host, all[choice % all.length]!.Id);
      return true;
    } catch {
      return false;
    }
  };
}

/** Strikes one of the objects that a command lists. */
function toOneOf(
  list: readonly string[],
  pattern: RegExp,
  destroy: (name: string) => string[],
): Fault["strike"] {
  return async ({ cluster, at, choice }: Draw) => {
    const host = cluster.lab.hosts[at]!;
    const { stdout } = await host.exec(list);
    const names = [...stdout.matchAll(pattern)].map(([, name]) => name!);
    if (names.length === 0) return false;
    return (await host.exec(destroy(names[choice % names.length]!))).code === 0;
  };
}
