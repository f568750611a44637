/**
 * The login account of a container's user: the image's own, corrected where SSH would refuse it. Pure; `survey.ts` reads the image.
 */
import { LOGIN_NAME } from "../../shared/ssh/login-name.ts";
import { INSIDE } from "../kit/layout.ts";
import {
  type GroupEntry,
  isListedShell,
  isLocked,
  type PasswdEntry,
  parseGroup,
  parsePasswd,
  runsAs,
  withGroup,
  withoutLock,
  withPasswdEntry,
  withServerUser,
  withShell,
} from "./passwd.ts";

/** A path in the image. `mode` has permission bits only. */
export interface PathStat {
  type: "file" | "directory" | "symlink" | "other";
  mode: number;
  uid: number;
  gid: number;
}

/** Files of an image, or of a container that is not started. `undefined`: no such file. */
export interface ImageEtc {
  passwd: string | undefined;
  group: string | undefined;
  shells: string | undefined;
  shadow: string | undefined;
}

/** The account that SSH logs in to. */
export interface Account {
  user: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
  /** The four files as SSH needs them; `undefined` when the image's own file is good. */
  passwd: string | undefined;
  group: string | undefined;
  shells: string | undefined;
  shadow: string | undefined;
}

/** The shells for a user without a usable one, best first. */
const SHELLS = ["/bin/bash", "/bin/sh"];

/** Login shells that refuse a login. */
const noLogin = /\/(nologin|false|true|sync|halt|shutdown)$/;

/** The paths that decide about the account of `user` (in Docker's form): possible shells and homes. */
export function pathsOf(user: string, etc: ImageEtc): { shells: string[]; homes: string[] } {
  const { uid, entry } = runsAs(user, parsePasswd(etc.passwd), parseGroup(etc.group));
  const absolute = (paths: string[]) => [...new Set(paths)].filter((path) => path.startsWith("/"));
  return {
    shells: absolute([entry?.shell ?? "", ...SHELLS]),
    homes: absolute([entry?.home ?? "", ...ownHomes(uid)]),
  };
}

/**
 * The account of `user`, in Docker's form: `""`, `root`, `1000`, `1000:1000`, `dev:staff`. `has` and `stat` are asked about the paths of
 * {@link pathsOf}. @throws Error when the image has no such user, or when its name cannot be used as a login name.
 */
export function accountOf(
  user: string,
  etc: ImageEtc,
  has: (shell: string) => boolean,
  stat: (home: string) => PathStat | undefined,
): Account {
  const users = parsePasswd(etc.passwd);
  const groups = parseGroup(etc.group);
  const { uid, gid, entry } = runsAs(user, users, groups);
  const name = entry?.name ?? freeName(uid === 0 ? "root" : `u${uid}`, users);
  if (!LOGIN_NAME.test(name)) {
    throw new Error(
      `the image's user name ${JSON.stringify(name)} cannot be used with SSH: choose another user`,
    );
  }
  const usable = (shell: string) => !noLogin.test(shell) && has(shell);
  const shell = [...(entry ? [entry.shell || "/bin/sh"] : []), ...SHELLS].find(usable) ?? INSIDE.shell;
  const home = [...(entry ? [entry.home] : []), ...ownHomes(uid)].find((path) => willDo(path, stat(path)))!;

  // The server gives a terminal to the group `tty`. Without that group it uses the user's own, which only root may do.
  const needed: GroupEntry[] = [
    { name: "tty", gid: 5 },
    { name: uid === 0 ? "root" : `g${gid}`, gid },
  ];
  const missing = needed.filter(
    (group) => !groups.some((known) => known.gid === group.gid || known.name === group.name),
  );
  const account: PasswdEntry = { name, uid, gid, home, shell };
  // The group counts too: a session's is the one in passwd, and the container's may be another (`USER dev:staff`).
  const same =
    entry !== undefined &&
    entry.gid === gid &&
    entry.home === home &&
    (entry.shell || "/bin/sh") === shell &&
    !isLocked(etc.passwd, name);
  const own = same ? etc.passwd : withPasswdEntry(etc.passwd, account);
  const passwd = uid === 0 ? withServerUser(own) : own;
  return {
    user: name,
    uid,
    gid,
    home,
    shell,
    passwd: passwd === etc.passwd ? undefined : passwd,
    group: missing.length === 0 ? undefined : missing.reduce<string>(withGroup, etc.group ?? ""),
    shells: isListedShell(etc.shells, shell) ? undefined : withShell(etc.shells, shell),
    shadow: withoutLock(etc.shadow, name),
  };
}

/** A missing home is made. Owner and mode do not matter: the server reads the session's keys elsewhere, and clients look at single files. */
function willDo(path: string, stat: PathStat | undefined): boolean {
  // Every directory above it costs a lookup.
  return path.startsWith("/") && path.length <= 256 && (stat === undefined || stat.type === "directory");
}

/** Homes for a user without a usable one, best first. An image has nothing below the last. */
function ownHomes(uid: number): string[] {
  return [uid === 0 ? "/root" : `/home/u${uid}`, `/.skein/home`];
}

function freeName(wanted: string, users: readonly PasswdEntry[]): string {
  const taken = new Set(users.map(({ name }) => name));
  return [wanted, `${wanted}-skein`].find((name) => !taken.has(name)) ?? wanted;
}
