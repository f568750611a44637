/** Makes the SSH files of a container from the public keys of its session. */
import type { Identity } from "../../shared/protocol/protocol.ts";
import { ed25519Line } from "../../shared/ssh/public-key.ts";

/** The public half of a container of the session, and its address. */
export interface Peer extends Identity {
  address: string;
}

/** The names by which a container reaches itself, besides those of the session. */
const LOOPBACK = ["localhost", "127.0.0.1", "::1", "ip6-localhost"];

/**
 * Each peer's host key for its name and its address, and the own key for the names of the loopback interface; on ports 22 and 2200. For
 * port 22 each line has one name, since Dropbear's client does not read lists.
 */
export function knownHosts(peers: readonly Peer[], own: string): string {
  const entry = (names: readonly string[], hostKey: string) => {
    const line = ed25519Line(hostKey);
    return [...names.map((name) => `${name} ${line}`), `${names.map((name) => `[${name}]:2200`)} ${line}`];
  };
  return lines([
    ...peers.flatMap(({ host, address, hostKey }) => entry([host, address], hostKey)),
    ...peers.filter(({ host }) => host === own).flatMap(({ hostKey }) => entry(LOOPBACK, hostKey)),
  ]);
}

/** Each peer's user key, with its host as the comment. */
export function authorizedKeys(peers: readonly Peer[]): string {
  return lines(peers.map(({ host, userKey }) => `${ed25519Line(userKey)} ${host}`));
}

/** Older clients read lines of at most 1,023 bytes (OpenSSH before 7.8: 4,095 or fewer). */
const MOST_PATTERNS = 900;

/** What would keep a client from a host of the session if the image sets it otherwise. ssh_config(5) uses the first value. */
const settings = (user: string, identity: string) =>
  [
    "HostName %h",
    "Port 22",
    `User ${user}`,
    `IdentityFile ~/.ssh/${identity}`,
    "IdentitiesOnly yes",
    "UserKnownHostsFile ~/.ssh/known_hosts",
    "StrictHostKeyChecking ask",
    "HostKeyAlgorithms ssh-ed25519",
    "PubkeyAuthentication yes",
    "PreferredAuthentications publickey",
  ].map((line) => `  ${line}`);

/**
 * The client's configuration for the hosts of the session. `own` is this container's host; `identity` is the key's file in ~/.ssh. First,
 * all other names of a host become its name: 40 bytes for each host. Then there is one block for each 90 hosts or so of one login name.
 * `Match host` looks at the name that is so found, and unlike `Host` not at the case of letters.
 */
export function sshConfig(peers: readonly Peer[], own: string, identity: string): string {
  const users = [...new Set(peers.map(({ user }) => user))];
  return lines([
    ...renamed(LOOPBACK.join(), own),
    ...peers.flatMap(({ host, address }) => renamed(address, host)),
    ...users.flatMap((user) => {
      const names = peers.filter((peer) => peer.user === user).map(({ host }) => host);
      return shortLists(names).flatMap((list) => [`Match host ${list}`, ...settings(user, identity)]);
    }),
    ...withoutProxy(peers.map(({ host }) => host)),
  ]);
}

const renamed = (names: string, host: string) => [`Match host ${names}`, `  HostName ${host}`];

/**
 * The image's ProxyCommand or ProxyJump must not be used either. asyncssh 2.10, and so Dask, runs `none` as a program, and dials it as a
 * ProxyJump. Capital letters hide these blocks from it: OpenSSH alone does not look at the case of a pattern (`match_hostname` in match.c).
 */
function withoutProxy(names: readonly string[]): string[] {
  const capitals = names.map((name) => name.toUpperCase());
  return shortLists(capitals).flatMap((list) => [`Match host ${list}`, "  ProxyCommand none"]);
}

/** Joins names by commas into as few texts as {@link MOST_PATTERNS} allows. */
function shortLists(names: readonly string[]): string[] {
  const all: string[] = [];
  for (const name of names) {
    const last = all.at(-1);
    if (last === undefined || last.length + name.length >= MOST_PATTERNS) all.push(name);
    else all[all.length - 1] = `${last},${name}`;
  }
  return all;
}

/**
 * `ours` followed by `existing`, without repeated lines of ours. Some clients take a host's first key, and an image may have been made from
 * a container of another session.
 */
export function withLines(existing: string | undefined, ours: string): string {
  const mine = new Set(ours.split("\n"));
  const kept = (existing ?? "").split("\n").filter((line) => line !== "" && !mine.has(line));
  return ours + lines(kept);
}

const begin = "# Skein: this session's hosts";
const end = "# Skein: end";

/**
 * `ours` followed by `existing`, since ssh_config(5) uses the first value. Lines before the first `Host` of `existing` still apply to all
 * hosts.
 */
export function withConfig(existing: string | undefined, ours: string): string {
  const text = existing ?? "";
  const from = text.indexOf(`${begin}\n`);
  const to = text.indexOf(`${end}\nHost *\n`);
  const kept = from === 0 && to > 0 ? text.slice(to + `${end}\nHost *\n`.length) : text;
  return `${begin}\n${ours}${end}\nHost *\n${kept}`;
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
