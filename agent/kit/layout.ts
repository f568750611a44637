/** Where the kit and a container's own folder appear inside every container, and how its entry point is composed. */
import { existsSync } from "node:fs";

/** Inside the container. The first two are read-only bind mounts, the key is written into the container itself. */
export const INSIDE = {
  kit: "/.skein/kit",
  self: "/.skein/self",
  hostKey: "/.skein/host_key",
  /** Comes last of what is written into the container: once it is there, all is. */
  placed: "/.skein/placed",
  shell: "/.skein/kit/bin/sh",
  /** Only `ssh`, `scp` and `sftp`; last on the PATH, so that an image's own win. */
  path: "/.skein/kit/path",
} as const;

/** What Docker sets where neither image nor request has a PATH (moby `oci/defaults`, `DefaultPathEnv`). */
const dockerPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Docker `HostConfig.Binds`. `kitPath` from {@link currentKit}; `selfDir` is the container's own folder on the node. */
export function kitBinds(kitPath: string, selfDir: string): string[] {
  return [`${kitPath}:${INSIDE.kit}:ro`, `${selfDir}:${INSIDE.self}:ro`];
}

/**
 * Docker `Entrypoint` (leave `Cmd` empty). `argv`: the entry point and command to run once the gate opens; none idles. `address`: where
 * SSH is served; all of the container's own unless told.
 */
export function kitEntrypoint(argv: readonly string[], address = "0"): string[] {
  return [`${INSIDE.kit}/bin/tini-static`, "--", `${INSIDE.kit}/start`, address, ...argv];
}

/**
 * Docker `HostConfig.Sysctls`: each side acknowledges at once what is asked of it. Without, OpenSSH's client and Dropbear, both under
 * Nagle's algorithm, wait twice for the other's delayed acknowledgement: 110 ms for an `ssh HOST true` instead of 25.
 * Empty on kernels before 6.7, which do not know it (and on which Docker would refuse to start the container).
 */
export function kitSysctls(): Record<string, string> {
  return existsSync("/proc/sys/net/ipv4/tcp_pingpong_thresh")
    ? { "net.ipv4.tcp_pingpong_thresh": "255" }
    : {};
}

/** The container's PATH: `path` as image or request have it (empty or missing: Docker's default), the kit last. */
export function pathWithKit(path: string | undefined): string {
  const own = path || dockerPath;
  return own.split(":").includes(INSIDE.path) ? own : `${own}:${INSIDE.path}`;
}
