/** What the operator allows on this node (`skein agent --allow`), looked at before any session may have it. */
import { realpath } from "node:fs/promises";
import type { Allowed } from "../../shared/node/node-schemas.ts";

/**
 * Throws where a path is missing; where a mount would hand out what the agent keeps from containers (`secrets`: paths of its own and the
 * engine's); and where one mount lies in another that may be written to: who has that could put a link in the inner one's place, and the
 * next to mount it would get whatever the link leads to.
 */
export async function checkAllowed(allowed: Allowed, secrets: readonly string[]): Promise<void> {
  const found = async (path: string) =>
    realpath(path).catch((error: NodeJS.ErrnoException) => {
      throw new Error(
        `--allow: ${path} cannot be used: ${error.code === "ENOENT" ? "it is not there" : error.message}`,
      );
    });
  const [mounts, kept] = await Promise.all([
    Promise.all(allowed.mounts.map(async (mount) => ({ ...mount, real: await found(mount.source) }))),
    Promise.all(secrets.map((path) => realpath(path).catch(() => path))),
    Promise.all(allowed.devices.map(found)),
  ]);
  for (const mount of mounts) {
    const secret = kept.find((path) => overlap(mount.real, path));
    if (secret !== undefined)
      throw new Error(
        `--allow: ${mount.source} cannot be mounted: with it goes ${secret}, the way to the whole node`,
      );
    const inner = mounts.find((other) => other !== mount && isWithin(other.real, mount.real));
    if (inner && !mount.readOnly) {
      throw new Error(
        `--allow: ${mount.source} may be written to and holds ${inner.source}: who writes there could put a link to anywhere in its place`,
      );
    }
  }
}

function overlap(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? folder : `${folder}/`);
}
