/**
 * The files that are written into a container before it starts, as entries of one tar for Docker's `PUT /containers/{id}/archive?path=/`.
 * Private keys go from here into the container, and nowhere else.
 */
import { INSIDE } from "../kit/layout.ts";
import { authorizedKeys, knownHosts, type Peer, sshConfig, withConfig, withLines } from "./ssh-files.ts";
import { dropbearPrivateKey, type KeyPair, opensshPrivateKey } from "./ssh-keys.ts";
import { type Survey, sshDir } from "./survey.ts";

export interface Entry {
  path: string;
  type: "file" | "directory";
  mode: number;
  uid: number;
  gid: number;
  /** For a file. */
  content?: string | Buffer;
}

/** A container's two key pairs. */
export interface Keys {
  host: KeyPair;
  user: KeyPair;
}

/** Without this file glibc asks the name servers before it reads /etc/hosts, and takes "no such name" for final. */
const nsswitch = "passwd: files\ngroup: files\nhosts: files dns\n";

/**
 * Most images' /etc/profile replaces the PATH by a fixed one. For every login shell that reads it: `ssh` without a command, `bash -l`, `su -`.
 * Does nothing outside Skein.
 */
const profileEnd = `# Skein: the container's PATH
[ ! -x ${INSIDE.loginPath} ] || { skein_path=$(${INSIDE.loginPath} "$PATH") && export PATH="$skein_path"; unset skein_path; }
`;

/** The account files and the private keys. `host` becomes the comment of the key. */
export function placePrepared(survey: Survey, keys: Keys, host: string): Entry[] {
  const { account, homes, lacksNsswitch, lacksTmp, profile, shadow } = survey;
  const own = { uid: account.uid, gid: account.gid };
  const root = { uid: 0, gid: 0 };
  const etc = (name: string, content: string | undefined, access: Partial<Entry> = {}): Entry[] =>
    content === undefined
      ? []
      : [{ path: `/etc/${name}`, type: "file", mode: 0o644, ...root, ...access, content }];
  const mended =
    profile === undefined || profile.includes(profileEnd)
      ? undefined
      : `${profile.replace(/\n*$/, "\n")}${profileEnd}`;
  const dropbear = dropbearPrivateKey(keys.user);
  const openssh = opensshPrivateKey(keys.user, host);
  return [
    ...etc("passwd", account.passwd),
    ...etc("group", account.group),
    ...etc("shells", account.shells),
    ...etc("shadow", account.shadow, shadow && { mode: shadow.mode, uid: shadow.uid, gid: shadow.gid }),
    ...etc("profile", mended),
    ...etc("nsswitch.conf", lacksNsswitch ? nsswitch : undefined),
    ...(lacksTmp ? [{ path: "/tmp", type: "directory" as const, mode: 0o1777, ...root }] : []),
    { path: "/.skein", type: "directory", mode: 0o755, ...root },
    { path: INSIDE.hostKey, type: "file", mode: 0o600, ...own, content: opensshPrivateKey(keys.host, host) },
    ...homes.flatMap(({ path, isMissing, missingParents, hasIdentity }): Entry[] => {
      const ssh = sshDir(path);
      const file = (name: string, content: string | Buffer): Entry => ({
        path: `${ssh}/${name}`,
        type: "file",
        mode: 0o600,
        ...own,
        content,
      });
      return [
        ...missingParents.map((path): Entry => ({ path, type: "directory", mode: 0o755, ...root })),
        ...(isMissing ? [{ path, type: "directory" as const, mode: 0o755, ...own }] : []),
        { path: ssh, type: "directory", mode: 0o700, ...own },
        file(identityName(hasIdentity), openssh),
        // For Dropbear's client, which does not read OpenSSH keys. An image may have it as its `ssh`.
        file("id_dropbear", dropbear),
      ];
    }),
  ];
}

/** The public keys of all containers, for the same archive of `host`. `peers` has every container of the session, also this one. */
export function placeStarted({ account, homes }: Survey, peers: readonly Peer[], host: string): Entry[] {
  const { uid, gid } = account;
  return [
    {
      path: INSIDE.authorizedKeys,
      type: "file",
      mode: 0o644,
      uid: 0,
      gid: 0,
      content: authorizedKeys(peers),
    },
    ...homes.flatMap(({ path, existing, hasIdentity }) => {
      const file = (name: string, content: string): Entry => ({
        path: `${sshDir(path)}/${name}`,
        type: "file",
        mode: 0o600,
        uid,
        gid,
        content,
      });
      const config = sshConfig(peers, host, identityName(hasIdentity));
      return [
        file("known_hosts", withLines(existing.knownHosts, knownHosts(peers, host))),
        file("config", withConfig(existing.config, config)),
      ];
    }),
    { path: INSIDE.placed, type: "file", mode: 0o644, uid: 0, gid: 0, content: "" },
  ];
}

function identityName(taken: boolean): string {
  return taken ? "id_skein" : "id_ed25519";
}
