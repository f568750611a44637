/**
 * The system packages that the lab, the agents on its hosts and its client need. If all are there, the check costs a few stat calls. If one is missing,
 * this installs Debian's packages, or an error says what to do.
 */
import { join } from "node:path";
import { aptInstall } from "./apt.ts";
import { capture } from "./command.ts";
import { lock } from "./lock.ts";
import { findProgram } from "./path.ts";
import { isDenied, restorePolicy, withServicesDenied } from "./service-policy.ts";
import { stateDir } from "./state.ts";

/** Program → the Debian package that has it. */
const programs = {
  dockerd: "docker.io",
  containerd: "containerd",
  runc: "runc",
  ip: "iproute2",
  bridge: "iproute2",
  nft: "nftables",
  iptables: "iptables",
  tini: "tini",
  busybox: "busybox-static",
  ping: "iputils-ping",
  flock: "util-linux",
  mount: "mount",
  nsenter: "util-linux",
  setpriv: "util-linux",
  unshare: "util-linux",
  ssh: "openssh-client",
  rsync: "rsync",
} as const;

/** Installs missing packages. Throws an error that names what is missing and how to get it. */
export async function ensurePackages(): Promise<void> {
  if (missingPackages().length === 0 && !isDenied()) return;
  const aptGet = findProgram("apt-get");
  const advice = `Missing: ${missingPackages().join(" ")}`;
  if (aptGet === undefined) {
    throw new Error(`${advice}. Install what your distribution has for these Debian packages.`);
  }
  if (process.getuid?.() !== 0) {
    throw new Error(
      `${advice}. As root: apt-get install --no-install-recommends ${missingPackages().join(" ")}`,
    );
  }
  using _held = await lock(join(stateDir, "packages.lock"));
  restorePolicy();
  const packages = missingPackages();
  if (packages.length > 0) await install(packages);
  const still = missingPackages();
  if (still.length > 0) throw new Error(`Still missing after apt-get install: ${still.join(" ")}`);
}

/** Path of one of the lab's programs, after `ensurePackages`. */
export function programPath(program: keyof typeof programs): string {
  const path = findProgram(program);
  if (path === undefined) throw new Error(`${program} is not on the PATH`);
  return path;
}

function missingPackages(): string[] {
  const missing = Object.entries(programs).filter(([program]) => findProgram(program) === undefined);
  return [...new Set(missing.map(([, name]) => name))];
}

async function install(packages: string[]): Promise<void> {
  console.error(`lab: installing ${packages.join(" ")}`);
  await withServicesDenied(() => aptInstall(packages));
  // Debian enables the engine at boot. The lab does not need the machine's own engine, so this disables it.
  if (packages.includes("docker.io") && findProgram("systemctl") !== undefined) {
    await capture(["systemctl", "disable", "docker.service", "docker.socket", "containerd.service"]);
  }
}
