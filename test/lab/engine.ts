/** One real Docker engine: a `dockerd`, with its own containerd, in its host's network namespace, separate from all others. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import Docker from "dockerode";
import { exitStatus } from "./exit-status.ts";
import { lanSubnet } from "./lan.ts";

export interface EngineOptions {
  /** Path of the network namespace to run in. */
  netns: string;
  /** Where images, containers and volumes are kept; must be on a real disk for overlay2. */
  dataDir: string;
  /** Directory of the socket and other short-lived files. A short path, because a socket's path has at most 107 bytes. */
  runDir: string;
  /** Where the engine's log goes. */
  logFile: string;
  /** The control group under which all its containers are. */
  cgroup: string;
}

export class Engine {
  readonly socket: string;
  readonly docker: Docker;
  readonly #options: EngineOptions;
  #process: ChildProcess | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.socket = join(options.runDir, "docker.sock");
    this.docker = new Docker({ socketPath: this.socket });
  }

  get running(): boolean {
    return (
      this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
    );
  }

  /** Starts the engine; resolves when it answers. */
  async start(): Promise<void> {
    const { netns, runDir, dataDir, logFile } = this.#options;
    mkdirSync(runDir, { recursive: true });
    mkdirSync(dataDir, { recursive: true });
    // Left by a killed engine; both would mislead the new one, or this code.
    rmSync(this.socket, { force: true });
    rmSync(join(runDir, "docker.pid"), { force: true });
    const config = join(runDir, "daemon.json");
    writeFileSync(config, JSON.stringify(this.#config()));
    const log = openSync(logFile, "a");
    // nsenter, not `ip netns exec`: that one mounts another /sys, in which there are no control groups.
    this.#process = spawn("nsenter", [`--net=${netns}`, "dockerd", "--config-file", config], {
      stdio: ["ignore", log, log],
      env: { PATH: process.env["PATH"] },
    });
    closeSync(log);
    const ended = new AbortController();
    const end = once(this.#process, "exit").then(([code, signal]) => {
      ended.abort();
      throw new Error(
        `dockerd: exit ${exitStatus(code, signal)}\n${readFileSync(logFile, "utf8").slice(-2000)}`,
      );
    });
    // Only the race below needs this error; later an end is normal.
    end.catch(() => {});
    await Promise.race([end, appears(this.socket, ended.signal)]);
    await Promise.race([end, this.#answer(ended.signal)]);
  }

  /** Resolves when the engine answers: its socket exists a moment before it listens. */
  async #answer(ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      try {
        await this.docker.ping();
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
        await delay(5);
      }
    }
  }

  /** Ends the engine as a system's shutdown would: its containers are stopped first. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Ends the engine with SIGKILL: its containers run on. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) return;
    const gone = once(this.#process!, "exit");
    this.#process!.kill(signal);
    await gone;
  }

  #config(): object {
    const { runDir, dataDir, cgroup } = this.#options;
    return {
      hosts: [`unix://${this.socket}`],
      "data-root": dataDir,
      "exec-root": join(runDir, "exec"),
      pidfile: join(runDir, "docker.pid"),
      // By default all engines would share the one in /etc/docker.
      "deprecated-key-path": join(runDir, "key.json"),
      "exec-opts": ["native.cgroupdriver=cgroupfs"],
      "cgroup-parent": cgroup,
      // A registry of the lab has no TLS.
      "insecure-registries": [lanSubnet],
    };
  }
}

/** Resolves when a file exists; rejects when the signal comes first. */
async function appears(path: string, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const watcher = watch(dirname(path), { signal }, (_event, name) => {
      if (name === basename(path)) done();
    });
    const done = () => {
      watcher.close();
      resolve();
    };
    signal.addEventListener("abort", () => reject(signal.reason));
    if (existsSync(path)) done();
  });
}
