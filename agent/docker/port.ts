/** Everything that the agent needs from a Docker engine; `engine/dockerode.ts` implements it. Ids are Docker's own. */
import type { Duplex, Readable } from "node:stream";
import type { OutputBatch, OutputOptions } from "./output.ts";

/** The engine and its machine. `cpus` in cores, `memory` in bytes. */
export interface EngineInfo {
  version: string;
  os: string;
  kernel: string;
  cpus: number;
  memory: number;
  /** Names of the OCI runtimes: `nvidia` where the NVIDIA container toolkit is set up. */
  runtimes: string[];
  /** `userns-remap`: a user id in a container is another one on the node. */
  mapsUsers: boolean;
}

/** The part of an image's configuration that decides what its containers run. */
export interface Image {
  id: string;
  /** Its names on this engine, with tags and with digests. */
  names: string[];
  entrypoint: string[];
  env: string[];
  user: string;
}

/** Credentials for a registry. */
export interface Login {
  username: string;
  password: string;
}

/** One container, from `GET /containers/{id}/json`. */
export interface Container {
  id: string;
  labels: Record<string, string>;
  status: "created" | "running" | "ended";
  /** The last start and the last end, in ms since 1970 by the engine's clock. Without meaning before the first. */
  startedAt: number;
  finishedAt: number;
  /** Of the last end. Without meaning while it runs. */
  exitCode: number;
  oomKilled: boolean;
  /** The engine's message when it could not start the container; else empty. */
  error: string;
}

/** One container, from `GET /containers/json`. */
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
  /** Stdout and stderr, in the order in which they arrived. */
  output: string;
}

/** A command with its streams, for `attach`. `env` is added to the container's. Without user and workdir they are the container's. */
export interface Command {
  argv: string[];
  tty: boolean;
  env: string[];
  user: string | undefined;
  workdir: string | undefined;
}

/** A command that runs, or ran, in a container. */
export interface Attached {
  /** To write: its input; the end is end of file. To read: its output, raw with a terminal, else in frames (stream-frames.ts). */
  socket: Duplex;
  /** Sets the terminal's size, in characters. */
  resize(cols: number, rows: number): Promise<void>;
  /** Undefined when the engine does not know it any longer, as its container has ended. */
  inspect(): Promise<AttachedState | undefined>;
}

export interface AttachedState {
  /** False if the engine could not start it. The reason is its output. */
  started: boolean;
  running: boolean;
  /** Once it has ended; 128 + signal if a signal ended it. */
  exitCode: number;
}

/** An event of a container or network. `attributes` has a container's labels, and for `die` also its `exitCode`. */
export interface EngineEvent {
  type: "container" | "network";
  action: string;
  id: string;
  attributes: Record<string, string>;
}

/** The body of `POST /containers/create` and of `POST /networks/create`. */
export type CreateBody = Record<string, unknown>;

/** The engine refused, or did not answer (`status` undefined). The message is the engine's own. */
export class DockerError extends Error {
  override readonly name = "DockerError";
  readonly status: number | undefined;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** `X-Docker-Container-Path-Stat`. `mode`: Go's `FileMode`. `linkTarget`: a symlink's target inside the container, absolute; else empty. */
export interface ArchiveStat {
  name: string;
  size: number;
  mode: number;
  linkTarget: string;
}

export interface DockerPort {
  /** Where a container's MAC address belongs: on the endpoint from API 1.44 on, on the container before. */
  readonly macOn: "container" | "endpoint";
  engine(): Promise<EngineInfo>;

  /** Undefined when the engine does not have it. */
  image(reference: string): Promise<Image | undefined>;
  /**
   * Asks the registry for the manifest, though the engine has the image. A pull does so by a tag; by a digest, engines take what they have.
   * @throws DockerError if the registry refuses, or does not answer
   */
  askRegistry(reference: string, login: Login | undefined): Promise<void>;
  /** `progress` gets a short text for people, often. */
  pull(
    reference: string,
    login: Login | undefined,
    progress: (text: string) => void,
    signal: AbortSignal,
  ): Promise<void>;

  networks(): Promise<Network[]>;
  createNetwork(body: CreateBody): Promise<string>;
  /**
   * No error when it does not exist. Resolves to false where the engine keeps it until the engine's next start: no container is in it, but
   * the engine counts one (moby/moby#42119).
   */
  removeNetwork(idOrName: string): Promise<boolean>;

  /** All containers with these labels, running or not. */
  containers(labels: Record<string, string>): Promise<ListedContainer[]>;
  /** Undefined when it does not exist. */
  container(id: string): Promise<Container | undefined>;
  /** Its user in Docker's form (empty means root), and its working directory, absolute. @throws DockerError */
  configOf(id: string): Promise<{ user: string; workdir: string }>;
  createContainer(name: string, body: CreateBody): Promise<string>;
  start(id: string): Promise<void>;
  /** SIGTERM, and SIGKILL after `seconds`. Resolves when it has ended. No error when it is not running or does not exist. */
  stop(id: string, seconds: number): Promise<void>;
  /** SIGKILL. Resolves when it has ended. No error when it is not running or does not exist. */
  kill(id: string): Promise<void>;
  /** Removes it with its anonymous volumes, running or not. No error when it does not exist. */
  remove(id: string): Promise<void>;

  /** Runs a program in a running container, as the container's user. Keeps the last `maxBytes` of its output. */
  exec(id: string, argv: string[], maxBytes: number, signal: AbortSignal): Promise<Executed>;
  /** Runs a command in a running container. @throws DockerError; 404 or 409 when the container does not run */
  attach(id: string, command: Command): Promise<Attached>;
  /** Starts a program in a running container, as the container's user, and does not wait for its end. @throws like `attach` */
  launch(id: string, argv: string[]): Promise<void>;
  /** Unpacks a tar archive at a directory of the container, running or not. */
  putArchive(id: string, path: string, tar: Buffer): Promise<void>;
  /** Unpacks a tar stream as above, as fast as it comes. If the stream fails, so does this, with its error. @throws DockerError */
  unpack(id: string, path: string, tar: Readable, signal: AbortSignal): Promise<void>;
  /** What a path is, without following it; undefined without such a path. Much cheaper than a tar. */
  headArchive(id: string, path: string): Promise<ArchiveStat | undefined>;
  /** A tar stream of a file or directory; undefined without such a path. Read it to its end, or destroy it. */
  getArchive(id: string, path: string): Promise<Readable | undefined>;
  /**
   * The container's output, as long as it runs. After its end, what is left. Nothing of a container that never ran.
   * @throws DockerError when it breaks: it may be asked again, after the last entry that came
   */
  output(id: string, options: OutputOptions): AsyncIterable<OutputBatch>;
  /** The last bytes of the container's output, stdout and stderr merged. */
  outputTail(id: string, bytes: number): Promise<string>;

  /** Resolves when it hears every event from now on. The iterable ends when the stream breaks or the signal aborts. */
  events(signal: AbortSignal): Promise<AsyncIterable<EngineEvent>>;
}
