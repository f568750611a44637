/** A lab: real Docker hosts on a virtual LAN, a machine for the API, and this process as a client beside them. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cgroupOf, removeCgroup } from "./cgroups.ts";
import { LabHost } from "./host.ts";
import type { ImageSet } from "./images.ts";
import { addressOf, createLan, linkNames, removeLan } from "./lan.ts";
import { LabMachine } from "./machine.ts";
import { provideImages } from "./template.ts";

export interface LabOptions {
  /** How many hosts. */
  hosts: number;
  /** Their names; default: `node1`, `node2`, …. */
  hostNames?: string[];
  /** The LAN's MTU in bytes; default 1500. */
  mtu?: number;
  /** Images besides the standard ones; `enter.ts --images SET` has built them. */
  images?: readonly ImageSet[];
}

export interface Lab {
  /** This lab's directory, with one below it for each machine. */
  dir: string;
  api: LabMachine;
  /** The present hosts, in the order in which they were added. */
  readonly hosts: LabHost[];
  /** Adds a host, with its engine up. */
  addHost(name?: string): Promise<LabHost>;
  /** Ends and removes everything. Throws if something was left behind, or cannot be removed. */
  close(): Promise<void>;
}

/** Whether this process runs inside a lab's namespaces, so that it may start a lab. */
export function insideLab(): boolean {
  return process.env["SKEIN_LAB_DIR"] !== undefined && existsSync("/run/skein-lab");
}

/** Brings up the LAN, the API's machine and the hosts, each with its engine answering and the standard images of `images.ts` in it. */
export async function startLab(options: LabOptions): Promise<Lab> {
  if (!insideLab()) {
    throw new Error(
      "A lab starts inside namespaces of its own: run this with `node test/lab/enter.ts -- COMMAND`.",
    );
  }
  const mtu = options.mtu ?? 1500;
  const dir = nextDir(process.env["SKEIN_LAB_DIR"]!);
  const cgroup = cgroupOf(process.env["SKEIN_LAB_ID"]!);
  const linksBefore = await linkNames();
  await createLan(mtu);
  const api = new LabMachine("api", addressOf(2), dir);
  const made: LabHost[] = [];
  const present = () => made.filter((host) => !host.removed);

  async function addHost(
    name = options.hostNames?.[made.length] ?? `node${made.length + 1}`,
  ): Promise<LabHost> {
    const host = new LabHost(name, addressOf(11 + made.length), dir, cgroup);
    made.push(host);
    await host.plugIn(mtu);
    await provideImages(host.dataDir, cgroup, ["standard", ...(options.images ?? [])]);
    await host.startEngine();
    return host;
  }

  async function close(): Promise<void> {
    await api.endChildren();
    const removals = await Promise.allSettled(present().map((host) => host.remove()));
    await api.unplug();
    await removeLan();
    const problems = removals.flatMap((each) => (each.status === "rejected" ? [String(each.reason)] : []));
    await removeCgroup(cgroup);
    const links = (await linkNames()).filter((name) => !linksBefore.includes(name));
    if (links.length > 0) problems.push(`Links left: ${links.join(" ")}`);
    if (problems.length > 0) throw new Error(problems.join("\n"));
  }

  try {
    await api.plugIn(mtu);
    await Promise.all(Array.from({ length: options.hosts }, () => addHost()));
  } catch (error) {
    await close().catch((failure) => console.error(failure));
    throw error;
  }
  return {
    dir,
    api,
    addHost,
    close,
    get hosts() {
      return present();
    },
  };
}

/** A directory for the next lab in this slot: test files bring up labs one after the other. */
function nextDir(slotDir: string): string {
  for (let number = 1; ; number++) {
    const dir = join(slotDir, `lab${number}`);
    if (existsSync(dir)) continue;
    mkdirSync(dir);
    return dir;
  }
}
