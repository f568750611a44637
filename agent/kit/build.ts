/**
 * The kit: a small read-only folder on the node with all that gives any Linux image SSH, named by its content's hash. Its binaries come
 * from Debian's packages (fetched once), its scripts from `programs/` beside this file. README.md says what is in it and why.
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
  /** Absolute, on the node; to be bound at `/.skein/kit`. */
  path: string;
  /** Hex, the folder's name. */
  hash: string;
}

/** In `kitRoot/current`: which kit to use, and which scripts and recipe it was made with. */
interface Current {
  hash: string;
  scripts: string;
  recipe: number;
}

/** Counts changes to what `binaries.ts` assembles: a kit of another recipe is fetched anew. */
export const recipe = 1;

const scriptsDir = join(import.meta.dirname, "programs");

/**
 * Sees to it that the kit is there: at once where it is, by the scripts alone where only they have changed, else from
 * Debian's packages (`apt-get download`, a few seconds). Two at a time make the same folder, and the later one finds it made.
 */
export async function buildKit(kitRoot: string): Promise<Kit> {
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
      await assembleBinaries(kit, join(making, "packages"));
    }
    await placeScripts(kit);
    await makeReadOnly(kit);
    const hash = (await hashOf(kit)).slice(0, 32);
    await rename(kit, join(kitRoot, hash)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    // After the move: who is not root may not move a directory that is read-only.
    await chmod(join(kitRoot, hash), 0o555);
    const record: Current = { hash, scripts, recipe };
    await writeFile(join(making, "current"), `${JSON.stringify(record)}\n`);
    await rename(join(making, "current"), join(kitRoot, "current"));
    return kitAt(kitRoot, hash);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** The kit that {@link buildKit} made. Touches no registry; throws where there is none. */
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

/** Kits share the files of their binaries, which nobody changes. */
async function linkAll(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [old, made] = [join(from, entry.name), join(to, entry.name)];
    await (entry.isSymbolicLink() ? symlink(await readlink(old), made) : link(old, made));
  }
}

/** `ssh`, `scp` and `sftp` are for the PATH, the others for the agent and the servers. */
async function placeScripts(kit: string): Promise<void> {
  await mkdir(join(kit, "path"));
  for (const name of await readdir(scriptsDir)) {
    const at = ["ssh", "scp", "sftp"].includes(name) ? join(kit, "path", name) : join(kit, name);
    await writeFile(at, await readFile(join(scriptsDir, name)));
  }
}

/** Everything inside; all that is no library is a program. */
async function makeReadOnly(kit: string): Promise<void> {
  for (const entry of await readdir(kit, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() || entry.isDirectory()) await chmod(path, 0o555);
  }
}

/** SHA-256 over names and contents, in the order of the names; all modes are alike. */
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
