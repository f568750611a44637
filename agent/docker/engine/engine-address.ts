/** Where an engine listens. */
import type Docker from "dockerode";

const DEFAULT_SOCKET = "/var/run/docker.sock";

/** Where an engine listens: a socket's path, `unix://…`, `tcp://host:port` or `http(s)://host:port`. */
export const givenEngine = () => process.env["DOCKER_HOST"] ?? DEFAULT_SOCKET;

/** Path of the engine's socket on this machine, where it has one. */
export function socketOf(where = givenEngine()): string | undefined {
  return addressOf(where).socketPath;
}

/** Without `host: undefined` and `port: undefined` docker-modem would read DOCKER_HOST. */
export function addressOf(where: string): Docker.DockerOptions {
  if (/^(tcp|https?):\/\//.test(where)) {
    const { protocol, hostname, port } = new URL(where.replace(/^tcp:/, "http:"));
    const scheme = protocol === "https:" ? "https" : "http";
    return { protocol: scheme, host: hostname, port: port || (scheme === "https" ? 2376 : 2375) };
  }
  return {
    socketPath: where.replace(/^unix:\/\//, ""),
    protocol: "http",
    ...({ host: undefined, port: undefined } as object),
  };
}
