/** The images of a lab's engines, in sets. They are made from Debian packages, because the lab's hosts reach no registry. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { busyboxRootfs } from "./busybox.ts";
import { debianRootfs, devUser, type Recipe, usual } from "./debian.ts";
import { lock } from "./lock.ts";
import { recipes } from "./recipes.ts";
import { rootfsDir } from "./state.ts";
import { Tar } from "./tar.ts";

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Root file systems by name, and the functions that fill them. */
const rootfs = {
  debian: (tar) => debianRootfs(tar, rootfsDir, usual),
  busybox: busyboxRootfs,
  empty: async () => {},
} satisfies Record<string, (tar: Tar) => Promise<void>>;

type RootfsName = keyof typeof rootfs | keyof typeof recipes;

function fill(name: RootfsName, tar: Tar): Promise<void> {
  const recipe = recipeOf(name);
  return recipe ? debianRootfs(tar, rootfsDir, recipe) : rootfs[name as keyof typeof rootfs](tar);
}

export interface Image {
  repo: string;
  tag: string;
  rootfs: RootfsName;
  /** Dockerfile lines that set the image's configuration. */
  changes: string[];
}

const ofDebian = (repo: string, tag: string, rootfs: Image["rootfs"]): Image => ({
  repo,
  tag,
  rootfs,
  changes: [`ENV ${path}`, 'CMD ["bash"]'],
});

/** A lab has the first set, and others where it asks for them. */
export const imageSets = {
  standard: [
    /** Debian with OpenSSH's client, rsync, network tools and a small Python; runs as root. */
    ofDebian("skein/debian", "12", "debian"),
    /** The same, but runs as the user `dev` (uid 1000). */
    {
      repo: "skein/debian-user",
      tag: "12",
      rootfs: "debian",
      changes: [`ENV ${path}`, 'CMD ["bash"]', `USER ${devUser.name}`, `WORKDIR ${devUser.home}`],
    },
    /** Nothing but a static busybox. */
    { repo: "skein/busybox", tag: "1", rootfs: "busybox", changes: ['CMD ["sh"]'] },
    /** Nothing at all. */
    { repo: "skein/empty", tag: "1", rootfs: "empty", changes: [] },
  ],
  /** Launchers of processes on many hosts, and programs that speak SSH by themselves. */
  launchers: [
    /** Open MPI 4 with mpi4py, pdsh, Ansible, Dask, paramiko, asyncssh, rsync, git. */
    ofDebian("skein/tools", "12", "tools"),
    ofDebian("skein/openmpi", "5", "openmpi5"),
    ofDebian("skein/mpich", "4", "mpich"),
  ],
  /** Shells that are no POSIX shell, and xauth. */
  shells: [ofDebian("skein/shells", "12", "shells")],
  /** Debian's image registry, which docker-registry.ts runs. */
  registry: [ofDebian("skein/registry", "2", "registry")],
  /** Too large for every run of the tests. */
  large: [ofDebian("skein/torch", "12", "torch"), ofDebian("skein/jupyter", "12", "jupyter")],
} satisfies Record<string, readonly Image[]>;

export type ImageSet = keyof typeof imageSets;

/** A hash of the code that defines a set's content. */
export function imagesKey(set: ImageSet): string {
  return createHash("sha256")
    .update(arch())
    .update(JSON.stringify([imageSets[set], imageSets[set].map((image) => recipeOf(image.rootfs))]))
    .update(["debian.ts", "suite.ts", "busybox.ts", "tar.ts"].map(source).join("\0"))
    .digest("hex")
    .slice(0, 16);
}

function recipeOf(name: RootfsName): Recipe | undefined {
  return name in recipes ? recipes[name as keyof typeof recipes] : undefined;
}

/** Builds missing root file systems; only that needs Debian's package registry. */
export async function ensureRootfs(set: ImageSet = "standard"): Promise<void> {
  if (existsSync(currentDir(set))) return;
  using _held = await lock(`${rootfsDir}.lock`);
  if (existsSync(currentDir(set))) return;
  console.error(`lab: building images (${set})`);
  removeOthers(rootfsDir, `${set}-`);
  const building = join(rootfsDir, `${set}-building`);
  mkdirSync(building, { recursive: true });
  for (const name of new Set(imageSets[set].map((image) => image.rootfs))) {
    await Tar.write(join(building, `${name}.tar`), (tar) => fill(name, tar));
  }
  renameSync(building, currentDir(set));
}

/** Removes what is in a directory by names of this beginning. */
export function removeOthers(directory: string, prefix: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory).filter((each) => each.startsWith(prefix))) {
    rmSync(join(directory, name), { recursive: true, force: true });
  }
}

/** The tar file of an image's root file system. */
export function rootfsFile(set: ImageSet, image: Image): string {
  return join(currentDir(set), `${image.rootfs}.tar`);
}

function currentDir(set: ImageSet): string {
  return join(rootfsDir, `${set}-${imagesKey(set)}`);
}

function source(name: string): string {
  return readFileSync(join(import.meta.dirname, name), "utf8");
}
