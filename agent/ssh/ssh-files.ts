/** The text of the SSH files of a container, from what is public about its session's containers. */
import type { Identity } from "../../shared/protocol/protocol.ts";

/** A container of the session as every other one knows it. */
export interface Peer extends Identity {
  address: string;
}

/**
 * Every peer's host key under its name and address, for ports 22 and 2200. One name per line where the port is 22:
 * Dropbear's client knows no lists.
 */
export function knownHosts(peers: readonly Peer[]): string {
  return lines(
    peers.flatMap(({ host, address, hostKey }) => [
      `${host} ${hostKey}`,
      `${address} ${hostKey}`,
      `[${host}]:2200,[${address}]:2200 ${hostKey}`,
    ]),
  );
}

/** Every peer's user key, its host as the comment. */
export function authorizedKeys(peers: readonly Peer[]): string {
  return lines(peers.map(({ host, userKey }) => `${userKey} ${host}`));
}

/**
 * The client's configuration: the login name for hosts where it is not `user`, and `identity` (a path) for all of them where the
 * key is not at its default place. Empty when neither is needed. One block per host: older clients cut long lines.
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

/** `existing` with `ours` below it; lines of ours that are there already are not doubled. */
export function withLines(existing: string | undefined, ours: string): string {
  const mine = new Set(ours.split("\n"));
  const kept = (existing ?? "").split("\n").filter((line) => line !== "" && !mine.has(line));
  return lines(kept) + ours;
}

const begin = "# Skein: this session's hosts";
const end = "# Skein: end";

/**
 * `existing` with `ours` above it, since ssh_config(5) takes the first value it finds. What stood before the image's first
 * `Host` goes on to mean all hosts.
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
