/** Brings one container's output into its log, from the container's start on, as long as it lives. */
import { setTimeout as delay } from "node:timers/promises";
import type { OutputBatch } from "../docker/output.ts";
import { DockerError, type DockerPort } from "../docker/port.ts";
import type { Log } from "../log.ts";
import type { StoredLog } from "./stored-log.ts";

/** Between tries, where the engine does not answer or the disk is full. */
const AGAIN_MS = 1_000;

const MISSED = "output is missing here: the engine no longer had it";
const CUT = "the last output may be missing: the engine did not give it in time";

export interface FollowerOptions {
  docker: Pick<DockerPort, "output">;
  log: StoredLog;
  container: string;
  /** For the agent's own log. */
  say: Log;
}

/** ns since 1970. */
function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

export class Follower {
  readonly #options: FollowerOptions;
  readonly #stop = new AbortController();
  #ended = new AbortController();
  #running: Promise<void> | undefined;
  /** It was started once more while an earlier run was being read. */
  #again = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  get container(): string {
    return this.#options.container;
  }

  /** The container was started, also for another time. */
  start(): void {
    if (this.#stop.signal.aborted) return;
    if (this.#ended.signal.aborted) this.#ended = new AbortController();
    this.#again = true;
    this.#running ??= this.#followAll().finally(() => {
      this.#running = undefined;
    });
  }

  /** The container has ended: resolves when all of its output is stored, at the latest after `patienceMs`. */
  async finish(patienceMs: number): Promise<void> {
    this.#ended.abort();
    const late = new AbortController();
    const isLate = delay(patienceMs, true, { signal: late.signal }).catch(() => false);
    if (await Promise.race([this.#running?.then(() => false), isLate])) {
      await this.stop();
      await this.#options.log.notice(CUT, now()).catch(() => {});
    }
    late.abort();
  }

  /** Ends it at once. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("the log is not followed any longer"));
    await this.#running;
  }

  async #followAll(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      await this.#follow();
    }
  }

  /** Until the container has ended. Never rejects. */
  async #follow(): Promise<void> {
    const { docker, log, container } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const after = await log.begin(container);
        const options = { after, ended: this.#ended.signal, signal };
        for await (const batch of docker.output(container, options)) await this.#store(batch);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#warn(error as Error);
        // 404: somebody else removed it.
        if (error instanceof DockerError && error.status === 404) return;
        await this.#rest();
      }
    }
  }

  /** Tries until there is room: the engine keeps the rest as long as it can, and the container does not wait for us. */
  async #store(batch: OutputBatch): Promise<void> {
    const { log } = this.#options;
    for (let isMissed = batch.missed; !this.#stop.signal.aborted; ) {
      try {
        if (isMissed) await log.notice(MISSED, batch.entries[0]!.time);
        isMissed = false;
        await log.append(batch, now());
        if (log.trouble !== undefined) log.trouble = undefined;
        return;
      } catch (error) {
        const why = `output cannot be stored on its node: ${(error as Error).message}`;
        if (log.trouble === undefined) {
          this.#warn(error as Error);
          log.trouble = why;
        }
        await this.#rest();
      }
    }
  }

  async #rest(): Promise<void> {
    await delay(AGAIN_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
  }

  #warn(error: Error): void {
    const { log, container, say } = this.#options;
    say.warn(
      { host: log.host, container, reason: error.message },
      "a container's output cannot be followed; trying again",
    );
  }
}
