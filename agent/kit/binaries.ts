/** The kit's binaries: from Debian's packages, with all their libraries, patched so that they use nothing of the image around them. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, readdir, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { shortenAnswers } from "./answer-delay.ts";
import { unpackPackages } from "./debian-packages.ts";
import { INSIDE, SERVER } from "./layout.ts";

const run = promisify(execFile);

/** Each program of the kit, and its path in the Debian package (`/bin` may also be `/usr/bin`). */
const programs = {
  "tini-static": "usr/bin/tini-static",
  busybox: "bin/busybox",
  // Under a name of its own, since users end servers of theirs by `pkill sshd`.
  [SERVER]: "usr/sbin/sshd",
  "sftp-server": "usr/lib/openssh/sftp-server",
  ssh: "usr/bin/ssh",
  scp: "usr/bin/scp",
  sftp: "usr/bin/sftp",
  traceroute: "usr/bin/traceroute.db",
  "s6-ipcclient": "usr/bin/s6-ipcclient",
  "s6-ioconnect": "usr/bin/s6-ioconnect",
  tcpclient: "usr/bin/tcpclient",
} as const;

const packages = [
  "tini",
  "busybox-static",
  "openssh-server",
  "openssh-sftp-server",
  "openssh-client",
  "traceroute",
  "s6",
  "ucspi-tcp",
] as const;

/** Fills `kit/bin` and `kit/lib`. Makes the directory `scratch` for its own use. Needs `apt-get` and `dpkg-deb`, but not root. */
export async function assembleBinaries(kit: string, scratch: string): Promise<void> {
  const tree = join(scratch, "tree");
  await mkdir(tree, { recursive: true });
  await unpackPackages([...packages, "patchelf"], scratch, tree);
  const patchelf = new Patchelf(join(tree, "usr/bin/patchelf"));
  const found = await librariesIn(tree);

  const bin = join(kit, "bin");
  const lib = join(kit, "lib");
  await mkdir(bin);
  await mkdir(lib);
  const needed = new Set<string>();
  for (const [name, path] of Object.entries(programs)) {
    const program = join(bin, name);
    await copyFile(join(tree, path), program).catch(() => copyFile(join(tree, "usr", path), program));
    const loader = await patchelf.interpreter(program);
    if (loader === undefined) continue;
    needed.add(basename(loader));
    for (const library of await patchelf.needed(program)) needed.add(library);
    await patchelf.patch(program, basename(loader));
  }
  // The loop also visits what it adds: the libraries of libraries.
  for (const name of needed) {
    const from = found.get(name);
    if (from === undefined) throw new Error(`no Debian package of the kit has ${name}`);
    await copyFile(from, join(lib, name));
    for (const library of await patchelf.needed(from)) needed.add(library);
    if (!/^(ld-linux|libc\.)/.test(name)) await patchelf.patch(join(lib, name));
  }
  await shortenAnswers(join(bin, SERVER));
  await symlink("busybox", join(bin, "sh"));
}

async function librariesIn(tree: string): Promise<Map<string, string>> {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  return new Map(
    entries
      .filter(
        (entry) =>
          !entry.isDirectory() && /\.so(\.|$)/.test(entry.name) && !/gconv|audit/.test(entry.parentPath),
      )
      .map((entry) => [entry.name, join(entry.parentPath, entry.name)]),
  );
}

class Patchelf {
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  /** The loader's path; `undefined` for a static program. */
  async interpreter(file: string): Promise<string | undefined> {
    const { stdout } = await run(this.#program, ["--print-interpreter", file]).catch(() => ({ stdout: "" }));
    return stdout.trim() || undefined;
  }

  async needed(file: string): Promise<string[]> {
    const { stdout } = await run(this.#program, ["--print-needed", file]);
    return stdout.split("\n").filter((line) => line !== "");
  }

  /** DT_RPATH (`--force-rpath`): unlike DT_RUNPATH it comes before an image's LD_LIBRARY_PATH (ld.so(8)). */
  async patch(file: string, loader?: string): Promise<void> {
    const interpreter = loader === undefined ? [] : ["--set-interpreter", `${INSIDE.kit}/lib/${loader}`];
    await run(this.#program, [...interpreter, "--force-rpath", "--set-rpath", `${INSIDE.kit}/lib`, file]);
  }
}
