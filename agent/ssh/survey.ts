/** Reads from a container that is not started what decides where its SSH files go. */
import { posix } from "node:path";
import { type Account, accountOf, type ImageEtc, type PathStat, pathsOf } from "./account.ts";

/**
 * Read access to a container's file system. `undefined`: no such path. A symlink at the end of a path is followed. `stat` and `read` of an
 * existing path cost the engine a process and about 40 ms; `exists` is cheap.
 */
export interface ContainerFiles {
  exists(path: string): Promise<boolean>;
  stat(path: string): Promise<PathStat | undefined>;
  read(path: string): Promise<string | undefined>;
}

/** A folder whose `.ssh` SSH clients read. */
export interface ClientHome {
  path: string;
  /** It has to be made. */
  isMissing: boolean;
  /** Missing directories above it, outermost first. */
  missingParents: string[];
  /** The image's own files in its `.ssh`. */
  existing: { knownHosts: string | undefined; config: string | undefined };
  /** The image has its own id_ed25519, which stays. */
  hasIdentity: boolean;
}

/** Depends only on the image, the user and HOME, so it can be kept for these three. */
export interface Survey {
  account: Account;
  /** The account's home first. OpenSSH's clients read that one, others the one that the variable HOME names. */
  homes: ClientHome[];
  /** The image's /etc/profile. */
  profile: string | undefined;
  /** Owner and mode of /etc/shadow, when the account's lock in it has to go. */
  shadow: PathStat | undefined;
  /** The image lacks an nsswitch.conf. */
  lacksNsswitch: boolean;
  /** The image lacks /tmp, where the server makes the sockets of forwarded agents. */
  lacksTmp: boolean;
}

/**
 * `user` as in Docker's `Config.User`; `homeVariable` is the container's variable HOME, if it has one. @throws Error like
 * {@link accountOf}.
 */
export async function survey(files: ContainerFiles, user: string, homeVariable?: string): Promise<Survey> {
  const [[passwd, group, shells, shadow, profile], hasNsswitch, hasTmp] = await Promise.all([
    Promise.all(["passwd", "group", "shells", "shadow", "profile"].map((name) => files.read(`/etc/${name}`))),
    files.exists("/etc/nsswitch.conf"),
    files.exists("/tmp"),
  ]);
  const etc: ImageEtc = { passwd, group, shells, shadow };
  const paths = pathsOf(user, etc);
  const [has, stats] = await Promise.all([table(paths.shells, files.exists), table(paths.homes, files.stat)]);
  const account = accountOf(
    user,
    etc,
    (shell) => has.get(shell) === true,
    (home) => stats.get(home),
  );
  const homes = [await clientHome(files, account.home, stats.get(account.home))];
  const other = plainPath(homeVariable);
  if (other !== undefined && other !== plainPath(account.home)) {
    const stat = await files.stat(other);
    if (stat === undefined || stat.type === "directory") homes.push(await clientHome(files, other, stat));
  }
  return {
    account,
    homes,
    profile,
    shadow: account.shadow === undefined ? undefined : await files.stat("/etc/shadow"),
    lacksNsswitch: !hasNsswitch,
    lacksTmp: !hasTmp,
  };
}

async function clientHome(
  files: ContainerFiles,
  path: string,
  stat: PathStat | undefined,
): Promise<ClientHome> {
  if (!stat) {
    const above = parentsOf(path);
    const parents = await Promise.all(above.map(files.exists));
    const existing = { knownHosts: undefined, config: undefined };
    const missingParents = above.filter((_, i) => !parents[i]);
    return { path, isMissing: true, missingParents, existing, hasIdentity: false };
  }
  const ssh = sshDir(path);
  const [knownHosts, config, hasIdentity] = await Promise.all([
    files.read(`${ssh}/known_hosts`),
    files.read(`${ssh}/config`),
    files.exists(`${ssh}/id_ed25519`),
  ]);
  return { path, isMissing: false, missingParents: [], existing: { knownHosts, config }, hasIdentity };
}

/** The folder of a home's SSH files. */
export function sshDir(home: string): string {
  return `${home.replace(/\/$/, "")}/.ssh`;
}

/** Without `.`, `..` and a slash at the end; `undefined` when it is not absolute, or too deep to look for. */
function plainPath(path: string | undefined): string | undefined {
  if (!path?.startsWith("/") || path.length > 256) return undefined;
  const plain = posix.normalize(path);
  return plain === "/" ? plain : plain.replace(/\/$/, "");
}

async function table<T>(paths: string[], look: (path: string) => Promise<T>): Promise<Map<string, T>> {
  return new Map(await Promise.all(paths.map(async (path) => [path, await look(path)] as const)));
}

/** The directories above a path, outermost first, without `/`. */
function parentsOf(path: string): string[] {
  const parts = path
    .split("/")
    .filter((part) => part !== "")
    .slice(0, -1);
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join("/")}`);
}
