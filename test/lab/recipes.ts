/** Root file systems with the tools that people run on clusters, from Debian's packages. */
import { arch } from "node:os";
import { type Recipe, usual } from "./debian.ts";

/** Enough for `ssh`, a shell, and a small program. */
const small = [
  ...["base-files", "bash", "coreutils", "dash", "grep", "hostname", "libc-bin", "openssh-client"],
  ...["procps", "python3", "sed", "usr-is-merged"],
];

/** What only drivers of graphics cards, or installation scripts, would call. */
const drivers = ["libllvm17t64", "libamd-comgr2", "libamdhip64-5", "libhsa-runtime64-1"];

/** Where shared libraries are, of the machine's own kind. */
const lib = `usr/lib/${arch() === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;

/** By the name of the root file system. */
export const recipes = {
  tools: {
    suite: "bookworm",
    packages: [
      ...[...usual.packages, "openmpi-bin", "python3-mpi4py", "pdsh", "ansible-core"],
      ...["python3-distributed", "python3-paramiko", "python3-asyncssh", "git"],
    ],
    links: { ...usual.links, "usr/bin/mpirun": "mpirun.openmpi", "usr/bin/mpiexec": "mpiexec.openmpi" },
  },

  openmpi5: {
    suite: "trixie",
    packages: [...small, "openmpi-bin"],
    without: drivers,
    links: { "usr/bin/mpirun": "mpirun.openmpi", "usr/bin/mpiexec": "mpiexec.openmpi" },
  },

  // Bookworm's 4.0.2 does not always end (docs/frameworks.md).
  mpich: {
    suite: "trixie",
    packages: [...small, "mpich"],
    without: drivers,
    links: { "usr/bin/mpirun": "mpirun.mpich", "usr/bin/mpiexec": "mpiexec.mpich" },
  },

  shells: { suite: "bookworm", packages: [...small, "fish", "xauth", "zsh"] },

  // Trixie's 2.6 is built without libuv, and its torchrun cannot do without.
  torch: {
    suite: "bookworm",
    packages: [...usual.packages, "python3-torch"],
    links: {
      ...usual.links,
      [`${lib}/libblas.so.3`]: "blas/libblas.so.3",
      [`${lib}/liblapack.so.3`]: "lapack/liblapack.so.3",
    },
  },

  jupyter: {
    suite: "bookworm",
    packages: [
      ...[...usual.packages, "jupyter-core", "jupyter-nbconvert", "jupyter-notebook"],
      "python3-ipykernel",
    ],
    links: usual.links!,
  },

  registry: {
    packages: ["docker-registry"],
    // Its program is run on the lab's machines, not as an image.
    without: ["adduser", "init-system-helpers", "libc6", "lsb-base"],
  },
} satisfies Record<string, Recipe>;
