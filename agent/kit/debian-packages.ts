/** Programs from Debian's packages, without installing them. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** apt waits for hours where packets to its registry are lost. A download takes 20 s on a slow line. */
const options = { env: { ...process.env, LC_ALL: "C" }, timeout: 180_000 };

/** All library packages that these depend on, directly or not. */
async function libraryPackages(packages: readonly string[]): Promise<string[]> {
  const all = new Set<string>();
  for (let wanted: readonly string[] = packages; wanted.length > 0; ) {
    const { stdout } = await run("apt-cache", ["depends", "--important", ...wanted], options);
    wanted = [...stdout.matchAll(/^ +Depends: ((?:lib|zlib)\S+)$/gm)]
      .map((match) => match[1]!)
      .filter((name) => !all.has(name));
    for (const name of wanted) all.add(name);
  }
  return [...all].sort();
}

/**
 * Downloads packages and the libraries that they need to the directory `scratch`, and extracts them into one tree. Installs nothing. Needs
 * `apt-get` and `dpkg-deb`, but not root.
 */
export async function unpackPackages(
  packages: readonly string[],
  scratch: string,
  tree: string,
): Promise<void> {
  const download = async () => {
    const names = [...packages, ...(await libraryPackages(packages))];
    // apt's sandbox user may not write here.
    const argv = ["download", "-q", "-o", "APT::Sandbox::User=", ...names];
    await run("apt-get", argv, { ...options, cwd: scratch });
  };
  try {
    await download();
  } catch {
    // A fresh machine has no package lists, and old lists name versions that are gone.
    await run("apt-get", ["update", "-q"], options).catch((cause) => {
      throw new Error(`Debian packages cannot be fetched. As root: apt-get update\n${cause}`, {
        cause,
      });
    });
    await download();
  }
  for (const file of await readdir(scratch)) {
    if (file.endsWith(".deb")) await run("dpkg-deb", ["-x", join(scratch, file), tree]);
  }
}
