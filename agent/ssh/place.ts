/**
 * The files that are written into a container before it starts, as entries of one tar for Docker's `PUT /containers/{id}/archive?path=/`.
 * Private keys go from here into the container, and nowhere else.
 */
import { INSIDE } from "../kit/layout.ts";
import type { Account } from "./account.ts";
import { authorizedKeys, knownHosts, type Peer, sshConfig, withConfig, withLines } from "./ssh-files.ts";
import { dropbearPrivateKey, type KeyPair, opensshPrivateKey } from "./ssh-keys.ts";
import type { Survey } from "./survey.ts";

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

/** The account files and the private keys. `host` becomes the comment of the key. */
export function placePrepared(survey: Survey, keys: Keys, host: string): Entry[] {
  const { account, home, missingParents, lacksNsswitch, hasIdentity } = survey;
  const ssh = sshDir(account);
  const own = { uid: account.uid, gid: account.gid };
  const root = { uid: 0, gid: 0 };
  const etc = (name: string, content: string | undefined): Entry[] =>
    content === undefined ? [] : [{ path: `/etc/${name}`, type: "file", mode: 0o644, ...root, content }];
  return [
    ...etc("passwd", account.passwd),
    ...etc("group", account.group),
    ...etc("shells", account.shells),
    ...etc("nsswitch.conf", lacksNsswitch ? nsswitch : undefined),
    { path: "/.skein", type: "directory", mode: 0o755, ...root },
    { path: INSIDE.hostKey, type: "file", mode: 0o600, ...own, content: dropbearPrivateKey(keys.host) },
    ...missingParents.map((path): Entry => ({ path, type: "directory", mode: 0o755, ...root })),
    ...homeEntry(account, home),
    { path: ssh, type: "directory", mode: 0o700, ...own },
    {
      path: `${ssh}/${identityName(hasIdentity)}`,
      type: "file",
      mode: 0o600,
      ...own,
      content: opensshPrivateKey(keys.user, host),
    },
    // For Dropbear's client, which does not read OpenSSH keys. An image may have it as its `ssh`.
    { path: `${ssh}/id_dropbear`, type: "file", mode: 0o600, ...own, content: dropbearPrivateKey(keys.user) },
  ];
}

/** The public keys of all containers, for the same archive. `peers` has every container of the session, also this one. */
export function placeStarted({ account, existing, hasIdentity }: Survey, peers: readonly Peer[]): Entry[] {
  const ssh = sshDir(account);
  const file = (name: string, content: string): Entry => ({
    path: `${ssh}/${name}`,
    type: "file",
    mode: 0o600,
    uid: account.uid,
    gid: account.gid,
    content,
  });
  const identity = hasIdentity ? `${ssh}/${identityName(true)}` : undefined;
  const config = sshConfig(peers, account.user, identity);
  return [
    file("authorized_keys", withLines(existing.authorizedKeys, authorizedKeys(peers))),
    file("known_hosts", withLines(existing.knownHosts, knownHosts(peers))),
    ...(config === "" ? [] : [file("config", withConfig(existing.config, config))]),
    { path: INSIDE.placed, type: "file", mode: 0o644, uid: 0, gid: 0, content: "" },
  ];
}

/** An entry for the home, when it has to be made, or when others may write to it. */
function homeEntry({ home: path, uid, gid }: Account, stat: Survey["home"]): Entry[] {
  if (!stat) return [{ path, type: "directory", mode: 0o755, uid, gid }];
  if ((stat.mode & 0o022) === 0) return [];
  return [{ path, type: "directory", mode: stat.mode & ~0o022, uid: stat.uid, gid: stat.gid }];
}

function sshDir({ home }: Account): string {
  return `${home.replace(/\/$/, "")}/.ssh`;
}

function identityName(taken: boolean): string {
  return taken ? "id_skein" : "id_ed25519";
}
