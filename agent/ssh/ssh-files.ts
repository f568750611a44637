/** Makes the SSH files of a container from the public keys of its session. */
import type { Identity } from "../../shared/protocol/protocol.ts";
import { publicLine } from "./ssh-keys.ts";

/** The public half of a container of the session, and its address. */
export interface Peer extends Identity {
  address: string;
}

/**
 * Each peer's host key for its name and its address, on ports 22 and 2200. For port 22 each line has one name, since Dropbear's client does
 * not read lists.
 */
export function knownHosts(peers: readonly Peer[]): string {
  return lines(
    peers.flatMap(({ host, address, hostKey }) => {
      const line = publicLine(hostKey);
      return [`${host} ${line}`, `${address} ${line}`, `[${host}]:2200,[${address}]:2200 ${line}`];
    }),
  );
}

/** Each peer's user key, with its host as the comment. */
export function authorizedKeys(peers: readonly Peer[]): string {
  return lines(peers.map(({ host, userKey }) => `${publicLine(userKey)} ${host}`));
}

/**
 * The client's configuration: login names that differ from `user`, and the key's path `identity` when it is not the default one. Empty when
 * neither is needed. Each host has its own block, since older clients cut long lines.
 */
export function sshConfig(peers: readonly Peer[], user: string, identity?: string): string {
  return peers
    .map((peer) => {
      const options = [
        ...(peer.user === user ? [] : [`  User ${peer.user}`]),
        ...(identity === undefined ? [] : [`  IdentityFile ${identity}`]),
      ];
      return options.length === 0 ? "" : lines([`Host ${peer.host} ${peer.address}`, ...options]);
    })
    .join("");
}

/** `existing` followed by `ours`, without repeated lines of ours. */
export function withLines(existing: string | undefined, ours: string): string {
  const mine = new Set(ours.split("\n"));
  const kept = (existing ?? "").split("\n").filter((line) => line !== "" && !mine.has(line));
  return lines(kept) + ours;
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
  return ours === "" ? kept : `${begin}\n${ours}${end}\nHost *\n${kept}`;
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
