/**
 * A Debian root file system straight from Debian's packages: downloaded by apt, and unpacked in memory into one tar, plus the few files
 * that the packages' scripts would make. It takes seconds instead of debootstrap's minute, and needs no root directory.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import { aptInstall } from "./apt.ts";
import { type Suite, suiteOptions } from "./suite.ts";
import type { Tar } from "./tar.ts";

/** What a root file system is made of. */
export interface Recipe {
  /** Packages for a container's user; their dependencies come along. */
  packages: readonly string[];
  /** The release that they come from; default: the machine's own. */
  suite?: Suite;
  /** Packages that are named as dependencies, and left out with all of their own: what needs them is never run. */
  without?: readonly string[];
  /** Symbolic links, by path: choices that installation scripts would make (`update-alternatives`). */
  links?: Readonly<Record<string, string>>;
}

/** A container's usual tools, with OpenSSH's client and a small Python. */
export const usual: Recipe = {
  packages: [
    ...[
      "base-files",
      "bash",
      "coreutils",
      "dash",
      "debianutils",
      "diffutils",
      "findutils",
      "grep",
      "gzip",
      "hostname",
    ],
    ...["libc-bin", "mawk", "ncurses-base", "ncurses-bin", "procps", "sed", "tar", "util-linux"],
    ...["iproute2", "iputils-ping", "netcat-openbsd", "openssh-client", "openssh-sftp-server", "rsync"],
    "python3-minimal",
    // Without it, the packages of init scripts bring all of Perl, to merge /bin into /usr on a running system.
    "usr-is-merged",
  ],
  links: { "usr/bin/awk": "mawk", "usr/bin/nc": "nc.openbsd", "usr/bin/which": "which.debianutils" },
};

const unwanted = /^usr\/share\/(doc|man|locale|info|lintian|bug|menu)\//;

/** Directories that are links into /usr; packages of Debian 12 still have files in them. */
const merged = /^(bin|sbin|lib|lib64)(?=\/|$)/;

/** The user that `skein/debian-user` runs as; both images have it. */
export const devUser = { name: "dev", uid: 1000, home: "/home/dev", shell: "/bin/bash" };

/** Fills a tar with the file system. Downloads go to `workDir` and are removed afterwards. */
export async function debianRootfs(tar: Tar, workDir: string, recipe: Recipe): Promise<void> {
  mkdirSync(workDir, { recursive: true });
  const downloads = mkdtempSync(join(workDir, "debian-"));
  try {
    await download(downloads, recipe);
    for (const name of ["bin", "sbin", "lib", "lib64"]) {
      tar.directory(`usr/${name}`);
      tar.link(name, `usr/${name}`);
    }
    for (const file of readdirSync(downloads).filter((name) => name.endsWith(".deb"))) {
      await addPackage(tar, join(downloads, file));
    }
    addConfiguration(tar, recipe.links ?? {});
  } finally {
    rmSync(downloads, { recursive: true, force: true });
  }
}

/** Downloads the packages and their dependencies, as for a system that has none but those left out. */
async function download(directory: string, { packages, suite, without = [] }: Recipe): Promise<void> {
  const installed = join(directory, "status");
  writeFileSync(installed, without.map(installedStanza).join("\n"));
  mkdirSync(join(directory, "partial"));
  await aptInstall(
    [
      "--download-only",
      ...["-o", `Dir::State::status=${installed}`],
      ...["-o", `Dir::Cache::archives=${directory}/`],
      ...["-o", "APT::Sandbox::User=root"],
      ...packages,
    ],
    suite === undefined ? [] : await suiteOptions(suite, directory),
  );
}

/** A package as dpkg's status file has it, newer than any that is asked for. */
function installedStanza(name: string): string {
  const { stdout } = spawnSync("dpkg", ["--print-architecture"], { encoding: "utf8" });
  return [
    `Package: ${name}`,
    "Status: install ok installed",
    "Maintainer: nobody",
    `Architecture: ${stdout.trim()}`,
    "Multi-Arch: same",
    "Version: 999:0",
    "Description: left out",
    "",
  ].join("\n");
}

/** Copies a package's files into the tar. */
async function addPackage(tar: Tar, file: string): Promise<void> {
  const reader = spawn("dpkg-deb", ["--fsys-tarfile", file], { stdio: ["ignore", "pipe", "inherit"] });
  const files = extract();
  const unpacked = pipeline(reader.stdout, files);
  for await (const entry of files) {
    const name = inUsr(entry.header.name);
    if (isWanted(name) && !isMerge(entry.header)) await tar.copy(moved(entry.header, name), entry);
    else entry.resume();
  }
  await unpacked;
}

/** Neither the root itself nor documentation. */
function isWanted(name: string): boolean {
  return name !== "" && !unwanted.test(name);
}

/** Is it the link from `/bin` into `/usr`? Debian 13's base-files has it; here it is made already. */
function isMerge({ name, type }: Header): boolean {
  return type === "symlink" && /^(bin|sbin|lib|lib64)$/.test(plain(name));
}

function moved(header: Header, name: string): Header {
  // A hard link's target is a name in the tar, and changes with it; a symbolic link's target stays.
  if (header.type === "link") return { ...header, name, linkname: inUsr(header.linkname ?? "") };
  return { ...header, name };
}

function inUsr(name: string): string {
  return plain(name).replace(merged, "usr/$1");
}

/** A package's name for a file (`./bin/`), without `./` and the slash. */
function plain(name: string): string {
  return name.replace(/^\.\//, "").replace(/\/$/, "");
}

/** Files that installation scripts make in a usual installation. */
function addConfiguration(tar: Tar, links: Readonly<Record<string, string>>): void {
  for (const [path, target] of Object.entries(links)) tar.link(path, target);
  tar.file("etc/shells", "/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/dash\n");
  // Without it, the C library asks name servers before it reads /etc/hosts.
  tar.file("etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n");
  tar.directory(devUser.home.slice(1), 0o700, devUser.uid);
  tar.users([
    { name: "root", uid: 0, home: "/root", shell: "/bin/bash" },
    { name: "nobody", uid: 65534, home: "/nonexistent", shell: "/usr/sbin/nologin" },
    devUser,
  ]);
}
