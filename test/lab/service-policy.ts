/** Debian's policy of which services may start: denied altogether while packages are installed. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** Asked by Debian's service scripts whether they may start a service; 101 says no. */
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

/** Takes our denial away, also one that was left by a run that was killed, and puts back what was there before. */
export function restorePolicy(): void {
  if (isDenied()) rmSync(policy, { force: true });
  if (existsSync(savedPolicy)) renameSync(savedPolicy, policy);
}

/** Whether we have the policy in hand: now, or because a run was killed. */
export function isDenied(): boolean {
  return existsSync(savedPolicy) || (existsSync(policy) && readFileSync(policy, "utf8") === denial);
}
