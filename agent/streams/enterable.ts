/** A container that streams may enter. */
import { DockerError } from "../docker/port.ts";
import { StreamFailure } from "./stream.ts";

export interface Enterable {
  containerId: string;
  /** Its address in the session. */
  address: string;
  /** It is on the node's own network. */
  hostNetwork: boolean;
  /** Its own folder on the node. */
  selfDir: string;
  /** It runs, and its gate is open: commands may run. */
  running: boolean;
  /** It is to be removed. */
  leaving: boolean;
}

/** Finds a session's container on this node. */
export type Find = (host: string) => Enterable | undefined;

/** @throws StreamFailure if it is not running */
export function enter(find: Find, host: string): Enterable {
  const container = find(host);
  if (!container?.running) throw notRunning(host);
  return container;
}

/** A container whose files can be read and written: the engine has it, and its command may run or not. @throws StreamFailure */
export function enterFiles(find: Find, host: string): Enterable {
  const container = find(host);
  if (!container) throw notRunning(host);
  return container;
}

export function notRunning(host: string): StreamFailure {
  return new StreamFailure("not_running", `${host} is not running`);
}

/** Engines answer 404 for a container that is gone, and 409 for one that does not run (Engine API, `ContainerExec`). Its folder goes, too. */
export function failureOf(host: string, error: unknown): unknown {
  const { status, code } = error as { status?: number; code?: string };
  const isGone = error instanceof DockerError ? status === 404 || status === 409 : code === "ENOENT";
  return isGone ? notRunning(host) : error;
}
