/** The files that tell launchers which containers there are. Pure: made from hosts, roles and slots, in rank order. */

/** A container, as the files name it. */
export interface Listed {
  host: string;
  role: string;
  slots: number;
}

/** Path inside the container → its text. In the read-only folder `/.skein/self`, except where a tool looks at one fixed place only. */
export const FILES = {
  /** Open MPI's form. */
  "/.skein/self/hostfile": slotted,
  /** Hydra's form: MPICH and Intel MPI. */
  "/.skein/self/machinefile": (all: readonly Listed[]) =>
    lines(all.map(({ host, slots }) => `${host}:${slots}`)),
  "/.skein/self/hosts": (all: readonly Listed[]) => lines(all.map(({ host }) => host)),
  /** Ansible's INI form: a group for each role. */
  "/.skein/self/inventory": inventory,
  /** DeepSpeed's, in the same form as Open MPI's. */
  "/job/hostfile": slotted,
} as const satisfies Record<string, (all: readonly Listed[]) => string>;

export type FilePath = keyof typeof FILES;

/** Is it a file that this release can make? */
export function isFilePath(path: string): path is FilePath {
  return Object.hasOwn(FILES, path);
}

function slotted(all: readonly Listed[]): string {
  return lines(all.map(({ host, slots }) => `${host} slots=${slots}`));
}

function inventory(all: readonly Listed[]): string {
  const groups = Map.groupBy(all, ({ role }) => role);
  return [...groups]
    .map(([role, hosts]) => lines([`[${role}]`, ...hosts.map(({ host }) => host)]))
    .join("\n");
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
