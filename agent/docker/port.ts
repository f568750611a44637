/** All that the agent needs of a Docker engine; `dockerode.ts` does it on a real one. Ids are Docker's own. */
import type { Readable } from "node:stream";

/** What the engine and its machine are; `cpus` in cores, `memory` in bytes. */
export interface EngineInfo {
  version: string;
  os: string;
  kernel: string;
  cpus: number;
  memory: number;
  /** Names of the OCI runtimes: `nvidia` where the NVIDIA container toolkit is set up. */
  runtimes: string[];
  /** Users in containers are not the node's of the same number (`userns-remap`). */
  mapsUsers: boolean;
}

/** The parts of an image's configuration that decide what a container of it runs. */
export interface Image {
  id: string;
  entrypoint: string[];
  env: string[];
  user: string;
}

/** One container as `GET /containers/{id}/json` tells. */
export interface Container {
  id: string;
  labels: Record<string, string>;
  status: "created" | "running" | "ended";
  /** Of the last start and the last end, ms since 1970 by the engine's clock; meaningless before the first. */
  startedAt: number;
  finishedAt: number;
  /** Of the last end; meaningless while it runs. */
  exitCode: number;
  oomKilled: boolean;
  /** The engine's own words where the container could not be started. */
  error: string;
}

/** One container as `GET /containers/json` tells. */
export type ListedContainer = Pick<Container, "id" | "labels"> & { running: boolean };

export interface Network {
  id: string;
  name: string;
  labels: Record<string, string>;
  /** CIDRs. */
  subnets: string[];
}

export interface Executed {
  exitCode: number;
  /** Stdout and stderr in the order they came. */
  output: string;
}

/** Something happened to a container or network. `attributes` has a container's labels, and on `die` its `exitCode`. */
export interface EngineEvent {
  type: "container" | "network";
  action: string;
  id: string;
  attributes: Record<string, string>;
}

/** The body of `POST /containers/create` and of `POST /networks/create`. */
export type CreateBody = Record<string, unknown>;

/** The engine refused, or could not be asked (`status` undefined). The message is the engine's own. */
export class DockerError extends Error {
  override readonly name = "DockerError";
  readonly status: number | undefined;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export interface DockerPort {
  /** Where a container's MAC address belongs: on the endpoint from API 1.44 on, on the container before. */
  readonly macOn: "container" | "endpoint";
  engine(): Promise<EngineInfo>;

  /** Undefined when the engine does not have it. */
  image(reference: string): Promise<Image | undefined>;
  /** `progress` is a short text for people, told often. */
  pull(reference: string, progress: (text: string) => void, signal: AbortSignal): Promise<void>;

  networks(): Promise<Network[]>;
  createNetwork(body: CreateBody): Promise<string>;
  /** No error where it is gone. */
  removeNetwork(idOrName: string): Promise<void>;

  /** All containers, running or not, that bear these labels. */
  containers(labels: Record<string, string>): Promise<ListedContainer[]>;
  /** Undefined when it is gone. */
  container(id: string): Promise<Container | undefined>;
  createContainer(name: string, body: CreateBody): Promise<string>;
  start(id: string): Promise<void>;
  /** SIGTERM, after `seconds` SIGKILL; resolves when it ended. No error where it ended or is gone. */
  stop(id: string, seconds: number): Promise<void>;
  /** SIGKILL; resolves when it ended. No error where it ended or is gone. */
  kill(id: string): Promise<void>;
  /** With its anonymous volumes, running or not. No error where it is gone. */
  remove(id: string): Promise<void>;

  /** Runs a program in a running container, as the container's own user. Output past `maxBytes` is dropped from its front. */
  exec(id: string, argv: string[], maxBytes: number, signal: AbortSignal): Promise<Executed>;
  /** Unpacks a tar archive at a directory of the container, running or not. */
  putArchive(id: string, path: string, tar: Buffer): Promise<void>;
  /** Where a symlink leads inside the container, "" for all else; undefined when there is no such path. Far cheaper than a tar. */
  headArchive(id: string, path: string): Promise<{ linkTarget: string } | undefined>;
  /** A tar stream of a file or directory; undefined when there is none. To be read to its end or destroyed. */
  getArchive(id: string, path: string): Promise<Readable | undefined>;
  /** The last bytes of what the container wrote, stdout and stderr merged. */
  outputTail(id: string, bytes: number): Promise<string>;

  /** Resolves when no event can be missed any more; the iterable ends when the stream breaks or the signal comes. */
  events(signal: AbortSignal): Promise<AsyncIterable<EngineEvent>>;
}
