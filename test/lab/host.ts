/** A Docker host: a machine of the lab with its own engine. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { Engine } from "./engine.ts";
import { LabMachine } from "./machine.ts";
import { unmountBelow } from "./mounts.ts";
import { killAll, processesOf, type RunningProcess } from "./processes.ts";

/** Programs that make up an engine, or that it starts beside containers. */
const enginePrograms = /(^|\/)(dockerd|containerd|containerd-shim[\w-]*|runc|docker-proxy)$/;

export class LabHost extends LabMachine {
  readonly #engine: Engine;
  readonly #cgroup: string;
  readonly #dataDir: string;
  readonly #runDir: string;
  #removed = false;

  constructor(name: string, address: string, labDir: string, labCgroup: string) {
    super(name, address, labDir);
    this.#cgroup = `${labCgroup}/${name}`;
    this.#dataDir = join(this.dir, "docker");
    this.#runDir = join("/run/skein-lab", name);
    this.#engine = new Engine({
      netns: this.netns,
      dataDir: this.#dataDir,
      runDir: this.#runDir,
      logFile: join(this.dir, "dockerd.log"),
      cgroup: this.#cgroup,
    });
  }

  /** Path of the engine's unix socket; exists inside the lab only. */
  get dockerSocket(): string {
    return this.#engine.socket;
  }

  get docker(): Docker {
    return this.#engine.docker;
  }

  /** The control group under which all its containers are. */
  get cgroup(): string {
    return this.#cgroup;
  }

  /** Where the engine keeps images and containers. */
  get dataDir(): string {
    return this.#dataDir;
  }

  /** Whether it has left the lab. */
  get removed(): boolean {
    return this.#removed;
  }

  async startEngine(): Promise<void> {
    await this.#engine.start();
  }

  /** Stops the engine, and its containers with it, as a shutdown would. */
  async stopEngine(): Promise<void> {
    await this.#engine.stop();
  }

  /** Kills the engine; its containers run on. */
  async killEngine(): Promise<void> {
    await this.#engine.kill();
  }

  /** Removes the host with everything on it. Then throws if a program was still running: whatever started it has leaked it. */
  async remove(): Promise<void> {
    this.#removed = true;
    await this.endChildren();
    await killAll(() => this.#processes().filter((each) => this.#isEngines(each)));
    const strays = await this.#strays();
    await killAll(() => this.#processes());
    await unmountBelow(this.#runDir);
    await unmountBelow(this.#dataDir);
    rmSync(this.#runDir, { recursive: true, force: true });
    rmSync(this.#dataDir, { recursive: true, force: true });
    await this.unplug();
    if (strays.length > 0) {
      const list = strays.map(({ pid, argv }) => `  ${pid} ${argv.join(" ")}`).join("\n");
      throw new Error(`Left running on ${this.name}:\n${list}`);
    }
  }

  /** Processes that still run a second after the engine's end. Its short-lived children (such as iptables) end before. */
  async #strays(): Promise<RunningProcess[]> {
    const deadline = Date.now() + 1_000;
    while (this.#processes().length > 0 && Date.now() < deadline) await delay(10);
    return this.#processes();
  }

  #processes(): RunningProcess[] {
    return processesOf(this.netns, this.#cgroup);
  }

  #isEngines({ argv, cgroup }: RunningProcess): boolean {
    return cgroup.includes(`${this.#cgroup}/`) || enginePrograms.test(argv[0] ?? "");
  }
}
