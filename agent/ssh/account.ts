/**
 * The login account of a container's user: what the image has where that will do, mended where SSH would refuse it. Pure;
 * `survey.ts` looks into the image.
 */
import { LOGIN_NAME } from "../../shared/protocol/protocol.ts";
import { INSIDE } from "../kit/layout.ts";
import {
  type GroupEntry,
  isListedShell,
  type PasswdEntry,
  parseGroup,
  parsePasswd,
  runsAs,
  withGroup,
  withPasswdEntry,
  withShell,
} from "./passwd.ts";

/** A path in the image. `mode` without the type's bits. */
export interface PathStat {
  type: "file" | "directory" | "symlink" | "other";
  mode: number;
  uid: number;
  gid: number;
}

/** What an image (or a container that is not started) has. `undefined`: no such file. */
export interface ImageEtc {
  passwd: string | undefined;
  group: string | undefined;
  shells: string | undefined;
}

/** The account that SSH logs in to. */
export interface Account {
  user: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
  /** The three files as they have to be; `undefined` where the image's will do. */
  passwd: string | undefined;
  group: string | undefined;
  shells: string | undefined;
}

/** Programs that end a login instead of making one. */
const noLogin = /\/(nologin|false|true|sync|halt|shutdown)$/;

/** The paths that decide about the account of `user` (a Docker user spec): which shells are there, and what its homes are. */
export function pathsOf(user: string, etc: ImageEtc): { shells: string[]; homes: string[] } {
  const { uid, entry } = runsAs(user, parsePasswd(etc.passwd), parseGroup(etc.group));
  const absolute = (paths: string[]) => [...new Set(paths)].filter((path) => path.startsWith("/"));
  return {
    shells: absolute([entry?.shell ?? "", "/bin/sh"]),
    homes: absolute([entry?.home ?? "", ...ownHomes(uid)]),
  };
}

/**
 * The account of `user` (`""`, `root`, `1000`, `1000:1000`, `dev:staff`: as Docker takes it). `has` and `stat` know the paths of
 * {@link pathsOf}. Throws where the image has no such user, or its name cannot be one to log in as.
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
  const shell = [entry?.shell || "/bin/sh", "/bin/sh"].find(usable) ?? INSIDE.shell;
  const home = [...(entry ? [entry.home] : []), ...ownHomes(uid)].find((path) =>
    willDo(path, stat(path), uid),
  )!;

  // Dropbear gives a terminal to the group `tty`, or else to the user's own, which only root may.
  const needed: GroupEntry[] = [
    { name: "tty", gid: 5 },
    { name: uid === 0 ? "root" : `g${gid}`, gid },
  ];
  const missing = needed.filter(
    (group) => !groups.some((known) => known.gid === group.gid || known.name === group.name),
  );
  const account: PasswdEntry = { name, uid, gid, home, shell };
  // The group too: Dropbear takes it from here, and without root that fails unless it is the process's own (`USER dev:staff`).
  const same =
    entry !== undefined && entry.gid === gid && entry.home === home && (entry.shell || "/bin/sh") === shell;
  return {
    user: name,
    uid,
    gid,
    home,
    shell,
    passwd: same ? undefined : withPasswdEntry(etc.passwd, account),
    group: missing.length === 0 ? undefined : missing.reduce<string>(withGroup, etc.group ?? ""),
    shells: isListedShell(etc.shells, shell) ? undefined : withShell(etc.shells, shell),
  };
}

/**
 * Dropbear trusts authorized_keys only where user or root own the home and nobody else may write to it (`svr-authpubkey.c`,
 * `checkfileperm`). A home that is missing is made; one that the user owns is mended; /tmp and the like cannot be.
 */
function willDo(path: string, stat: PathStat | undefined, uid: number): boolean {
  // Each directory above it is looked for, one by one.
  if (!path.startsWith("/") || path.length > 256) return false;
  if (stat === undefined) return true;
  if (stat.type !== "directory") return false;
  if (stat.uid === uid && (stat.mode & 0o1000) === 0) return true;
  return (stat.uid === 0 || stat.uid === uid) && (stat.mode & 0o022) === 0;
}

/** For a user without a home of use, in the order of choice. Nothing of an image is under the last. */
function ownHomes(uid: number): string[] {
  return [uid === 0 ? "/root" : `/home/u${uid}`, `/.skein/home`];
}

function freeName(wanted: string, users: readonly PasswdEntry[]): string {
  const taken = new Set(users.map(({ name }) => name));
  return [wanted, `${wanted}-skein`].find((name) => !taken.has(name)) ?? wanted;
}
