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
}

/** Finds a session's container on this node. */
export type Find = (host: string) => Enterable | undefined;

/** @throws StreamFailure if it is not running */
export function enter(find: Find, host: string): Enterable {
  const container = find(host);
  if (!container?.running) throw notRunning(host);
  return container;
}

export function notRunning(host: string): StreamFailure {
  return new StreamFailure("not_running", `${host} is not running`);
}

/** 404 and 409: the engine has no such container, or it does not run (Engine API, `ContainerExec`). */
export function failureOf(host: string, error: unknown): unknown {
  const refused = error instanceof DockerError && [404, 409].includes(error.status ?? 0);
  return refused ? notRunning(host) : error;
}
