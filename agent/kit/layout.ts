/** Where the kit and the container's own folder are inside a container, and how its entry point is composed. */
import { existsSync } from "node:fs";

/** Paths inside the container. `kit` and `self` are read-only bind mounts; the key is written into the container itself. */
export const INSIDE = {
  kit: "/.skein/kit",
  self: "/.skein/self",
  hostKey: "/.skein/host_key",
  authorizedKeys: "/.skein/authorized_keys",
  /** Written last of all files: when it exists, all others do. */
  placed: "/.skein/placed",
  shell: "/.skein/kit/bin/sh",
  loginPath: "/.skein/kit/login-path",
  /** Has only `ssh`, `scp` and `sftp`. Last on the PATH, so that an image's own programs win. */
  path: "/.skein/kit/path",
} as const;

/** The SSH server's name in the kit. The process has it too. */
export const SERVER = "login-server";

/** Docker's PATH when neither the image nor the request has one (moby `oci/defaults`, `DefaultPathEnv`). */
const dockerPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** For Docker's `HostConfig.Binds`. `kitPath` is from {@link currentKit}; `selfDir` is the container's own folder on the node. */
export function kitBinds(kitPath: string, selfDir: string): string[] {
  return [`${kitPath}:${INSIDE.kit}:ro`, `${selfDir}:${INSIDE.self}:ro`];
}

/**
 * For Docker's `Entrypoint` (leave `Cmd` empty). `argv` is what runs once the gate opens; when it is empty the container idles. `address`
 * is where SSH is served: at all addresses of the container by default.
 */
export function kitEntrypoint(argv: readonly string[], address = "0"): string[] {
  return [`${INSIDE.kit}/bin/tini-static`, "--", `${INSIDE.kit}/start`, address, ...argv];
}

/**
 * For Docker's `HostConfig.Sysctls`: the kernel then acknowledges requests at once. OpenSSH's client and server both use Nagle's
 * algorithm at first, and would wait for the other's delayed acknowledgement.
 * Empty on kernels before 6.7: they do not have this setting, and Docker refuses to start a container with it.
 */
export function kitSysctls(): Record<string, string> {
  return existsSync("/proc/sys/net/ipv4/tcp_pingpong_thresh")
    ? { "net.ipv4.tcp_pingpong_thresh": "255" }
    : {};
}

/** The container's PATH: that of the image or the request, or else Docker's default, with the kit's folder at the end. */
export function pathWithKit(path: string | undefined): string {
  const own = path || dockerPath;
  return own.split(":").includes(INSIDE.path) ? own : `${own}:${INSIDE.path}`;
}
