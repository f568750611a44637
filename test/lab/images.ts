/** The images that every engine of a lab has. They are made from Debian packages, because the lab's hosts reach no registry. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { busyboxRootfs } from "./busybox.ts";
import { debianRootfs, devUser } from "./debian.ts";
import { lock } from "./lock.ts";
import { rootfsDir } from "./state.ts";
import { Tar } from "./tar.ts";

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Root file systems by name, and the functions that fill them. */
const rootfs = {
  debian: (tar) => debianRootfs(tar, rootfsDir),
  busybox: busyboxRootfs,
  empty: async () => {},
} satisfies Record<string, (tar: Tar) => Promise<void>>;

export interface Image {
  repo: string;
  tag: string;
  rootfs: keyof typeof rootfs;
  /** Dockerfile lines that set the image's configuration. */
  changes: string[];
}

export const images: readonly Image[] = [
  /** Debian with OpenSSH's client, rsync, network tools and a small Python; runs as root. */
  { repo: "skein/debian", tag: "12", rootfs: "debian", changes: [`ENV ${path}`, 'CMD ["bash"]'] },
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
];

/** A hash of the code that defines the images' content. */
export const imagesKey = createHash("sha256")
  .update(arch())
  .update(["images.ts", "debian.ts", "busybox.ts", "tar.ts"].map(source).join("\0"))
  .digest("hex")
  .slice(0, 16);

/** Builds missing root file systems; only that needs Debian's package registry. */
export async function ensureRootfs(): Promise<void> {
  if (existsSync(currentDir())) return;
  using _held = await lock(`${rootfsDir}.lock`);
  if (existsSync(currentDir())) return;
  console.error("lab: building images");
  rmSync(rootfsDir, { recursive: true, force: true });
  const building = join(rootfsDir, "building");
  mkdirSync(building, { recursive: true });
  for (const [name, fill] of Object.entries(rootfs)) await Tar.write(join(building, `${name}.tar`), fill);
  renameSync(building, currentDir());
}

/** The tar file of an image's root file system. */
export function rootfsFile(image: Image): string {
  return join(currentDir(), `${image.rootfs}.tar`);
}

function currentDir(): string {
  return join(rootfsDir, imagesKey);
}

function source(name: string): string {
  return readFileSync(join(import.meta.dirname, name), "utf8");
}
