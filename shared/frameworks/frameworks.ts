/**
 * What launchers find in every container without a flag: families of variables and files, as one table. Pure. Where each name was looked up
 * is in docs/frameworks.md, and a test holds that page to this table.
 */
import { FILES, type FilePath } from "./host-files.ts";

export const FAMILIES = [
  "mpi",
  "torch",
  "torchEnv",
  "deepspeed",
  "pdsh",
  "ansible",
  "nccl",
  "threads",
] as const;
export type Family = (typeof FAMILIES)[number];

/** Families that a request turns on or off. */
export type Frameworks = { [F in Family]?: boolean | undefined };

/** All are on unless a request says otherwise, except this one: with RANK and WORLD_SIZE a plain `python train.py` would wait for the others. */
const OFF: Family = "torchEnv";

/** Stands in a value for the session's interface where that is not `eth0`: the agents know its name, which is the same in all containers. */
export const SESSION_INTERFACE = "{session interface}";

/** A container as the table sees it. */
export interface Seat {
  rank: number;
  /** Containers of the session. */
  size: number;
  /** Cores; undefined without a limit. */
  cpu: number | undefined;
  /** The session's subnet, if one of its containers is on its node's own network. There the tools have to be told which way to go. */
  among: string | undefined;
  /** A container of the session may use RDMA. */
  rdma: boolean;
}

export interface Variable {
  name: string;
  /** Undefined: not set there. */
  value(seat: Seat): string | undefined;
  /** The value in words, for docs/frameworks.md. */
  says: string;
  /** A user's value of this variable holds for the present one too. `copy`: as it is; `number`: only if it is one number, else nothing is set. */
  follows?: { name: string; as: "copy" | "number" };
}

const fixed = (name: string, value: string): Variable => ({ name, value: () => value, says: `\`${value}\`` });
const fileAt = (name: string, path: FilePath) => fixed(name, path);

const interfaceOf = ({ among }: Seat) => (among === undefined ? "eth0" : SESSION_INTERFACE);
const amongNodes = (name: string): Variable => ({
  name,
  value: ({ among }) => among,
  says: "the session's subnet; only in sessions with a `hostNetwork` container",
});

/** UCX takes any of a node's networks, but no bridge (`BRIDGE_ENABLE` in `uct/tcp/tcp_md.c`). With RDMA it has a better one: its device. */
const ucx = (name: string, wanted: string, inWords: string): Variable => ({
  name,
  value: ({ among, rdma }) => (among === undefined || rdma ? undefined : wanted),
  says: `${inWords}; only in sessions with a \`hostNetwork\` container where none may use RDMA`,
});

const master = [
  fixed("MASTER_ADDR", "main1"),
  // PyTorch's own default (torch/distributed/run.py, --master-port).
  fixed("MASTER_PORT", "29500"),
];

const threads = (name: string, follows: boolean): Variable => ({
  name,
  value: ({ cpu }) => (cpu === undefined ? undefined : String(Math.max(1, Math.floor(cpu)))),
  says: "the whole cores of the `cpu` limit, at least 1; only with such a limit",
  ...(follows ? { follows: { name: "OMP_NUM_THREADS", as: "number" } } : {}),
});

const pet = (of: Variable): Variable => ({
  ...of,
  name: `PET_${of.name}`,
  says: `as \`${of.name}\``,
  follows: { name: of.name, as: "copy" },
});

const nodes: Variable[] = [
  { name: "NNODES", value: ({ size }) => String(size), says: "number of containers" },
  { name: "NODE_RANK", value: ({ rank }) => String(rank), says: "the container's rank" },
];

interface Preparation {
  /** For the API's document. */
  about: string;
  variables: readonly Variable[];
  files: readonly FilePath[];
}

/** Variables and files of each family. */
export const TABLE: Record<Family, Preparation> = {
  mpi: {
    about: "Open MPI 4 and 5, MPICH, Intel MPI: host files, leave to run as root, no binding to cores",
    variables: [
      fileAt("OMPI_MCA_orte_default_hostfile", "/.skein/self/hostfile"),
      fileAt("PRTE_MCA_prte_default_hostfile", "/.skein/self/hostfile"),
      fixed("OMPI_ALLOW_RUN_AS_ROOT", "1"),
      fixed("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
      fixed("PRTE_ALLOW_RUN_AS_ROOT", "1"),
      fixed("PRTE_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
      // Containers share a node's cores, and each would bind its first process to the node's first core.
      fixed("OMPI_MCA_hwloc_base_binding_policy", "none"),
      fixed("PRTE_MCA_hwloc_default_binding_policy", "none"),
      amongNodes("OMPI_MCA_btl_tcp_if_include"),
      amongNodes("OMPI_MCA_oob_tcp_if_include"),
      ucx("UCX_NET_DEVICES", SESSION_INTERFACE, "the session's interface"),
      ucx("UCX_TCP_BRIDGE_ENABLE", "y", "`y`"),
      fileAt("HYDRA_HOST_FILE", "/.skein/self/machinefile"),
      fileAt("I_MPI_HYDRA_HOST_FILE", "/.skein/self/machinefile"),
      fixed("I_MPI_HYDRA_BOOTSTRAP", "ssh"),
      fixed("I_MPI_PIN", "0"),
    ],
    files: ["/.skein/self/hostfile", "/.skein/self/machinefile"],
  },
  torch: {
    about: "torchrun, to be started in every container",
    variables: [...master, ...nodes, ...[...master, ...nodes].map(pet)],
    files: [],
  },
  torchEnv: {
    about:
      "RANK and WORLD_SIZE for one process per container. Off unless given: any program that reads them waits for the others",
    variables: [
      ...master,
      { name: "WORLD_SIZE", value: ({ size }) => String(size), says: "number of containers" },
      { name: "RANK", value: ({ rank }) => String(rank), says: "the container's rank" },
    ],
    files: [],
  },
  deepspeed: { about: "DeepSpeed's host file", variables: [], files: ["/job/hostfile"] },
  pdsh: {
    about: "pdsh: all hosts, by SSH",
    variables: [fileAt("WCOLL", "/.skein/self/hosts"), fixed("PDSH_RCMD_TYPE", "ssh")],
    files: ["/.skein/self/hosts"],
  },
  ansible: {
    about: "Ansible: an inventory with a group for each role",
    variables: [fileAt("ANSIBLE_INVENTORY", "/.skein/self/inventory")],
    files: ["/.skein/self/inventory"],
  },
  nccl: {
    about: "NCCL and Gloo: the session's interface",
    variables: ["NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"].map((name) => ({
      name,
      value: interfaceOf,
      says: "`eth0`; in sessions with a `hostNetwork` container `ske…`, the same in all containers",
    })),
    files: [],
  },
  threads: {
    about: "OpenMP and math libraries: as many threads as the cpu limit has whole cores",
    variables: [
      threads("OMP_NUM_THREADS", false),
      ...["MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS"].map((name) =>
        threads(name, true),
      ),
    ],
    files: [],
  },
};

const LEADERS = new Map(
  Object.values(TABLE).flatMap(({ variables }) =>
    variables.flatMap(({ name, follows }) => (follows ? [[name, follows] as const] : [])),
  ),
);

/** The families that are on. */
export function familiesOf(frameworks: Frameworks = {}): Family[] {
  return FAMILIES.filter((family) => frameworks[family] ?? family !== OFF);
}

/** The variables of these families in one container, before a user's own values. */
export function variablesOf(families: readonly Family[], seat: Seat): Record<string, string> {
  return Object.fromEntries(
    families.flatMap((family) =>
      TABLE[family].variables.flatMap(({ name, value }) => {
        const found = value(seat);
        return found === undefined ? [] : [[name, found]];
      }),
    ),
  );
}

/** The files of these families, by path, in the table's order. */
export function filesOf(families: readonly Family[]): FilePath[] {
  const wanted = new Set(families.flatMap((family) => TABLE[family].files));
  return (Object.keys(FILES) as FilePath[]).filter((path) => wanted.has(path));
}

/**
 * The variables that are left to set beside a user's own, those of the request or of the image. A user's value of the same name wins. One that follows another, as
 * PET_MASTER_ADDR does MASTER_ADDR, has the user's value of that one.
 */
export function beside(
  variables: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => {
      if (Object.hasOwn(own, name)) return [];
      const leader = LEADERS.get(name);
      if (!leader || !Object.hasOwn(own, leader.name)) return [[name, value]];
      const followed = own[leader.name]!;
      return leader.as === "copy" || /^\d+$/.test(followed) ? [[name, followed]] : [];
    }),
  );
}

/** How many processes launchers start in a container: its GPUs, else its whole cores (at least 1), else 1. */
export function slotsOf({
  gpu = 0,
  cpu = 1,
}: {
  gpu?: number | undefined;
  cpu?: number | undefined;
}): number {
  return gpu > 0 ? gpu : Math.max(1, Math.floor(cpu));
}
