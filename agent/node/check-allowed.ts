/** Checks what the operator allows on this node (`skein agent --allow`), before any session may use it. */
import { realpath } from "node:fs/promises";
import type { Allowed } from "../../shared/node/node-schemas.ts";

/**
 * `secrets` are paths that no container may have: the agent's own, and the engine's.
 * @throws Error when a path is missing, when a mount contains a secret or is inside one, or when a mount is inside a writable one: a
 * container could replace the inner one by a link, and the next container that mounts it would get the link's target.
 */
export async function checkAllowed(allowed: Allowed, secrets: readonly string[]): Promise<void> {
  const found = async (path: string) =>
    realpath(path).catch((error: NodeJS.ErrnoException) => {
      throw new Error(
        `--allow: ${path} cannot be used: ${error.code === "ENOENT" ? "it does not exist" : error.message}`,
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
        `--allow: ${mount.source} cannot be mounted: it would give access to ${secret}, and so to the whole node`,
      );
    const inner = mounts.find((other) => other !== mount && isWithin(other.real, mount.real));
    if (inner && !mount.readOnly) {
      throw new Error(
        `--allow: ${mount.source} is writable and contains ${inner.source}: a container could replace that by a link to any path`,
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
