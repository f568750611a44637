/**
 * The kit: a small read-only folder on the node that gives SSH to any Linux image. Its name is the hash of its content. Binaries come from
 * Debian's packages, which are downloaded once, and scripts from `programs/`. README.md says what is in it, and why.
 */
import { createHash } from "node:crypto";
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { assembleBinaries } from "./binaries.ts";

export interface Kit {
  /** Absolute path on the node, for a bind mount at `/.skein/kit`. */
  path: string;
  /** In hex; also the folder's name. */
  hash: string;
}

/** The file `kitRoot/current`: the kit in use, and the scripts and recipe that it was made with. */
interface Current {
  hash: string;
  scripts: string;
  recipe: number;
}

/** To be increased when `binaries.ts` assembles something else: then the packages are downloaded again. */
export const recipe = 5;

const scriptsDir = join(import.meta.dirname, "programs");

/**
 * Makes the kit unless it is there. When only scripts changed, it reuses the binaries; else it downloads Debian's packages, which takes a
 * few seconds. It calls `fetching` before. Two builds at a time make the same folder, and the later one uses what it finds.
 */
export async function buildKit(kitRoot: string, fetching: () => void = () => {}): Promise<Kit> {
  const scripts = await hashOf(scriptsDir);
  const current = await readCurrent(kitRoot);
  if (current?.scripts === scripts && current.recipe === recipe) return kitAt(kitRoot, current.hash);

  await mkdir(kitRoot, { recursive: true, mode: 0o755 });
  const making = await mkdtemp(join(kitRoot, "making-"));
  try {
    const kit = join(making, "kit");
    await mkdir(kit);
    if (current?.recipe === recipe) {
      for (const part of ["bin", "lib"]) {
        await linkAll(join(kitRoot, current.hash, part), join(kit, part));
      }
    } else {
      fetching();
      await assembleBinaries(kit, join(making, "packages"));
    }
    await placeScripts(kit);
    await makeReadOnly(kit);
    const hash = (await hashOf(kit)).slice(0, 32);
    await rename(kit, join(kitRoot, hash)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    // After the move, since only root may move a read-only directory.
    await chmod(join(kitRoot, hash), 0o555);
    const record: Current = { hash, scripts, recipe };
    await writeFile(join(making, "current"), `${JSON.stringify(record)}\n`);
    await rename(join(making, "current"), join(kitRoot, "current"));
    return kitAt(kitRoot, hash);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** The kit that {@link buildKit} made. Needs no registry. @throws Error when there is none. */
export async function currentKit(kitRoot: string): Promise<Kit> {
  const current = await readCurrent(kitRoot);
  if (!current) throw new Error(`there is no SSH kit in ${kitRoot}: run ./skein setup`);
  return kitAt(kitRoot, current.hash);
}

function kitAt(kitRoot: string, hash: string): Kit {
  return { path: join(kitRoot, hash), hash };
}

async function readCurrent(kitRoot: string): Promise<Current | undefined> {
  try {
    const current = JSON.parse(await readFile(join(kitRoot, "current"), "utf8")) as Current;
    await readdir(join(kitRoot, current.hash, "bin"));
    return current;
  } catch {
    return undefined;
  }
}

/** Kits share the files of their binaries, which never change. */
async function linkAll(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [old, made] = [join(from, entry.name), join(to, entry.name)];
    await (entry.isSymbolicLink() ? symlink(await readlink(old), made) : link(old, made));
  }
}

/** `ssh`, `scp` and `sftp` go to the folder on the PATH. Only the agent and the servers run the others. */
async function placeScripts(kit: string): Promise<void> {
  await mkdir(join(kit, "path"));
  for (const name of await readdir(scriptsDir)) {
    const at = ["ssh", "scp", "sftp"].includes(name) ? join(kit, "path", name) : join(kit, name);
    await writeFile(at, await readFile(join(scriptsDir, name)));
  }
}

/** Makes all files and folders in the kit read-only and executable. */
async function makeReadOnly(kit: string): Promise<void> {
  for (const entry of await readdir(kit, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() || entry.isDirectory()) await chmod(path, 0o555);
  }
}

/** SHA-256 over names and contents, in the order of the names. Modes do not count, since they are all the same. */
async function hashOf(folder: string): Promise<string> {
  const hash = createHash("sha256");
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const { entry, path } of entries) {
    const content = entry.isFile()
      ? createHash("sha256")
          .update(await readFile(path))
          .digest("hex")
      : entry.isSymbolicLink()
        ? await readlink(path)
        : "";
    hash.update(`${path.slice(folder.length)}\0${content}\n`);
  }
  return hash.digest("hex");
}
