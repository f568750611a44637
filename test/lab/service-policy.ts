/** Debian's policy of which services may start: denied altogether while packages are installed. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** Debian's service scripts run this to ask if they may start a service; 101 means no. */
const policy = "/usr/sbin/policy-rc.d";
const savedPolicy = `${policy}.before-skein`;
const denial = "#!/bin/sh\n# Skein installs packages just now.\nexit 101\n";

/** While `work` runs, no package may start a service on this machine, and no Ctrl-C may leave it that way. */
export async function withServicesDenied(work: () => Promise<void>): Promise<void> {
  const postpone = () => console.error("lab: ends after the packages are in place");
  process.on("SIGINT", postpone).on("SIGTERM", postpone);
  if (existsSync(policy)) renameSync(policy, savedPolicy);
  try {
    writeFileSync(policy, denial, { mode: 0o755 });
    await work();
  } finally {
    restorePolicy();
    process.off("SIGINT", postpone).off("SIGTERM", postpone);
  }
}

/** Removes the denial, also one left by a killed run, and restores the earlier policy. */
export function restorePolicy(): void {
  if (isDenied()) rmSync(policy, { force: true });
  if (existsSync(savedPolicy)) renameSync(savedPolicy, policy);
}

/** Whether the policy is ours: from this run, or from a killed one. */
export function isDenied(): boolean {
  return existsSync(savedPolicy) || (existsSync(policy) && readFileSync(policy, "utf8") === denial);
}
