/**
 * Enters a lab: runs a command inside its own process, mount and network namespaces. When the entering process ends, however it dies, the
 * kernel ends every process inside. All interfaces, namespaces and mounts go with them.
 *
 * As a program: `node test/lab/enter.ts [--images SET]… -- COMMAND [ARGUMENT...]`, with the command's exit status.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exitStatus } from "./exit-status.ts";
import { ensureRootfs, type ImageSet, imageSets } from "./images.ts";
import { ensurePackages } from "./packages.ts";
import { labPath } from "./path.ts";
import { claimSlot, releaseSlot, type Slot } from "./slot.ts";

const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface EnterOptions {
  /** Added to the command's environment. */
  env?: NodeJS.ProcessEnv;
  /** Images besides the standard ones that labs inside will ask for. */
  images?: readonly ImageSet[];
}

/**
 * Runs a command inside a new lab, on the caller's stdio. The lab has no hosts yet: the command calls `startLab`. Before that, it installs
 * and builds what the lab lacks, since the inside reaches no registry. Returns the command's exit status.
 */
export async function enterLab(argv: readonly string[], options: EnterOptions = {}): Promise<number> {
  await ensurePackages();
  if (process.getuid?.() !== 0)
    throw new Error("The lab makes network namespaces and starts Docker engines: run it as root.");
  for (const set of new Set<ImageSet>(["standard", ...(options.images ?? [])])) await ensureRootfs(set);
  const slot = await claimSlot();
  try {
    return await runInside(slot, argv, options);
  } finally {
    await releaseSlot(slot);
  }
}

async function runInside(slot: Slot, argv: readonly string[], options: EnterOptions): Promise<number> {
  // Deaths propagate: this process's death kills unshare, and unshare's kills tini. As tini is the first process of its namespace,
  // everything in it dies.
  const child = spawn(
    "setpriv",
    [
      ...["--pdeathsig", "KILL"],
      ...["unshare", "--pid", "--mount", "--net", "--fork", "--kill-child=KILL", "--mount-proc"],
      ...["tini", "--", join(import.meta.dirname, "inside.sh")],
      ...argv,
    ],
    { stdio: ["inherit", "inherit", "inherit", slot.lock.fd], env: insideEnv(slot, options.env) },
  );
  // unshare ignores these signals; tini passes them on to the command. Without tini, nothing has started yet.
  const forward = (signal: NodeJS.Signals) => {
    const [tini] = childrenOf(child.pid!);
    if (tini === undefined) child.kill("SIGKILL");
    else process.kill(tini, signal);
  };
  for (const signal of forwarded) process.on(signal, forward);
  try {
    const [code, signal] = await once(child, "exit");
    return exitStatus(code, signal);
  } finally {
    for (const signal of forwarded) process.off(signal, forward);
  }
}

function insideEnv(slot: Slot, extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  // A developer's own DOCKER_HOST and similar variables point at other engines.
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("DOCKER_"));
  return {
    ...Object.fromEntries(kept),
    ...extra,
    PATH: labPath(),
    SKEIN_LAB_DIR: slot.dir,
    SKEIN_LAB_ID: slot.labId,
  };
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { images: { type: "string", multiple: true, default: [] } },
    allowPositionals: true,
  });
  const unknown = values.images.filter((set) => !Object.hasOwn(imageSets, set));
  if (unknown.length > 0 || positionals.length === 0) {
    console.error("usage: node test/lab/enter.ts [--images SET]… -- COMMAND [ARGUMENT...]");
    process.exit(2);
  }
  process.exitCode = await enterLab(positionals, { images: values.images as ImageSet[] });
}
