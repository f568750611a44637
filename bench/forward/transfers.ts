/** Transfers of SIZE bytes over a way, timed, whole by their hash. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../test/lab/command.ts";
import { type Job, PORTS, SIZE } from "./job.ts";
import type { Way } from "./way.ts";

/** Out of the container, and into it. */
export const DIRECTIONS = ["down", "up"] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** `cat` costs the machine less than a program of ours would. */
const DOWN = 'exec 3<>"/dev/tcp/127.0.0.1/$1" && cat <&3 >"$2"';
const UP = 'exec 3<>"/dev/tcp/127.0.0.1/$1" && cat "$2" >&3 && head -c 1 <&3 | grep -q y';

export class Transfers {
  readonly #job: Job;
  /** In memory. */
  readonly #dir = mkdtempSync("/dev/shm/skein-bench-");
  readonly #file = join(this.#dir, "file");
  #hash: string | undefined;

  constructor(job: Job) {
    this.#job = job;
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true });
  }

  /** Resolves to Gbit/s. @throws Error if not all has arrived as it was sent */
  async down(way: Way): Promise<number> {
    const speed = await this.#timed(DOWN, way.local(PORTS.give));
    await this.#check(way, (await run(["sha256sum", this.#file])).split(" ")[0]!);
    return speed;
  }

  /** Sends back what came down. */
  async up(way: Way): Promise<number> {
    const speed = await this.#timed(UP, way.local(PORTS.take));
    await this.#check(way, await this.#job.takenHash());
    return speed;
  }

  async #timed(script: string, port: number): Promise<number> {
    const before = performance.now();
    await run(["bash", "-c", script, "bash", String(port), this.#file]);
    return (8 * SIZE) / 1e6 / (performance.now() - before);
  }

  async #check({ name }: Way, hash: string): Promise<void> {
    this.#hash ??= await this.#job.givenHash();
    if (hash !== this.#hash) throw new Error(`${name} has changed the data on its way`);
  }
}
