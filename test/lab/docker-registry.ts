/** Debian's `docker-registry` on a machine of the lab, with users: every request needs a login (htpasswd, as `docker login` sends it). */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { run } from "./command.ts";
import { imageSets, rootfsFile } from "./images.ts";
import type { LabMachine } from "./machine.ts";

const PROGRAM = "usr/bin/docker-registry";

export interface Login {
  username: string;
  password: string;
}

export class DockerRegistry {
  /** As image names write it. */
  readonly host: string;
  readonly #machine: LabMachine;
  readonly #dir: string;
  #process: ReturnType<LabMachine["spawn"]> | undefined;

  constructor(machine: LabMachine, port = 5000) {
    this.host = `${machine.address}:${port}`;
    this.#machine = machine;
    // Not the machine's own directory, which is searched for secrets: the program has texts about keys.
    this.#dir = join("/run/skein-lab", `registry-${port}`);
  }

  /** Installs it, for these users. The lab was entered with `--images registry`. */
  async install(users: readonly Login[]): Promise<void> {
    mkdirSync(join(this.#dir, "data"), { recursive: true });
    const [image] = imageSets.registry;
    await run([
      "tar",
      "--extract",
      "--directory",
      this.#dir,
      "--file",
      rootfsFile("registry", image!),
      PROGRAM,
    ]);
    const lines = await Promise.all(
      users.map(async ({ username, password }) => `${username}:${await bcrypt(password)}`),
    );
    writeFileSync(join(this.#dir, "htpasswd"), `${lines.join("\n")}\n`);
    writeFileSync(join(this.#dir, "config.yml"), JSON.stringify(this.#config()));
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const argv = [join(this.#dir, PROGRAM), "serve", join(this.#dir, "config.yml")];
    const logFile = join(this.#machine.dir, "registry.log");
    this.#process = this.#machine.spawn(argv, { logFile });
    for (;;) {
      const answered = await fetch(`http://${this.host}/v2/`).catch(() => undefined);
      if (answered?.status === 401) return;
      if (this.#process.exitCode !== null) throw new Error(`docker-registry ended: see ${logFile}`);
      await delay(10);
    }
  }

  /** Ends it; its images stay. */
  async stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#process!.once("exit", () => resolve());
    this.#process!.kill("SIGTERM");
    await promise;
  }

  /** Pushes an image of an engine under this name (`team/app:1`), and removes that name from the engine. Returns the whole name. */
  async push(docker: Docker, image: string, name: string, login: Login): Promise<string> {
    const whole = `${this.host}/${name}`;
    const [repo, tag] = splitTag(whole);
    await docker.getImage(image).tag({ repo, tag });
    const pushed = docker.getImage(whole);
    const stream = await pushed.push({ authconfig: { ...login, serveraddress: this.host } });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()));
    });
    await pushed.remove();
    return whole;
  }

  #config(): object {
    return {
      version: "0.1",
      log: { level: "info" },
      storage: { filesystem: { rootdirectory: join(this.#dir, "data") } },
      http: { addr: this.host },
      auth: { htpasswd: { realm: "lab", path: join(this.#dir, "htpasswd") } },
    };
  }
}

function splitTag(name: string): [string, string] {
  const at = name.lastIndexOf(":");
  return [name.slice(0, at), name.slice(at + 1)];
}

/** By perl, whose `crypt` every Debian has. The salt may be the same: this guards nothing. */
async function bcrypt(password: string): Promise<string> {
  return run(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, "$2y$04$skeinLabRegistry1234.."]);
}
