/** Reads from a container that is not started what decides where its SSH files go. */
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

/** Depends only on the image and the user, so it can be kept for these two. */
export interface Survey {
  account: Account;
  /** `undefined` when the account's home has to be made. */
  home: PathStat | undefined;
  /** Missing directories above the home, outermost first. */
  missingParents: string[];
  /** The image's own files in ~/.ssh. */
  existing: {
    authorizedKeys: string | undefined;
    knownHosts: string | undefined;
    config: string | undefined;
  };
  /** The image lacks an nsswitch.conf. */
  lacksNsswitch: boolean;
  /** The image has its own id_ed25519, which stays. */
  hasIdentity: boolean;
}

/** `user` as in Docker's `Config.User`. @throws Error like {@link accountOf}. */
export async function survey(files: ContainerFiles, user: string): Promise<Survey> {
  const [[passwd, group, shells], hasNsswitch] = await Promise.all([
    Promise.all(["/etc/passwd", "/etc/group", "/etc/shells"].map(files.read)),
    files.exists("/etc/nsswitch.conf"),
  ]);
  const etc: ImageEtc = { passwd, group, shells };
  const paths = pathsOf(user, etc);
  const [has, stats] = await Promise.all([table(paths.shells, files.exists), table(paths.homes, files.stat)]);
  const account = accountOf(
    user,
    etc,
    (shell) => has.get(shell) === true,
    (home) => stats.get(home),
  );
  const ssh = `${account.home.replace(/\/$/, "")}/.ssh`;
  const home = stats.get(account.home);
  const above = home ? [] : parentsOf(account.home);
  const parents = await Promise.all(above.map(files.exists));
  const [authorizedKeys, knownHosts, config] = home
    ? await Promise.all(
        ["authorized_keys", "known_hosts", "config"].map((name) => files.read(`${ssh}/${name}`)),
      )
    : [];
  const hasIdentity = home !== undefined && (await files.exists(`${ssh}/id_ed25519`));
  return {
    account,
    home,
    missingParents: above.filter((_, i) => !parents[i]),
    existing: { authorizedKeys, knownHosts, config },
    lacksNsswitch: !hasNsswitch,
    hasIdentity,
  };
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
