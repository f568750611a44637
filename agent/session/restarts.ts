/**
 * Starts those of a session's containers again whose role says so. Not Docker's own restart policy: that knows nothing of the gate (what
 * ends before it is to fail the creation), and would bring back what is being removed, or what the session no longer wants after an
 * engine's restart.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Assignment, ContainerSpec } from "../../shared/protocol/protocol.ts";
import type { ContainerStatus } from "../../shared/session/lifecycle.ts";
import { type Container, DockerError } from "../docker/port.ts";
import { backoff } from "../link/backoff.ts";
import { loadRestart, saveRestart } from "./container-record.ts";
import { type NodeContext, sessionDir } from "./context.ts";
import {
  type End,
  nextRestart,
  pauseBefore,
  type Restart,
  sayAwaited,
  sayRestarted,
  sayUsedUp,
} from "./restart.ts";

/** How a container stands after it ended. */
export interface Verdict {
  status: Extract<ContainerStatus, "running" | "exited">;
  reason?: string;
}

/** What the session hears of it later. */
export interface Hearing {
  onVerdict(host: string, verdict: Verdict): void;
  /** Somebody removed it: there is nothing to start. */
  onGone(host: string, containerId: string): void;
}

export class Restarts {
  readonly #context: Pick<NodeContext, "docker" | "limit" | "log">;
  readonly #about: Pick<Assignment, "session" | "epoch">;
  readonly #dir: string;
  readonly #hearing: Hearing;
  readonly #last = new Map<string, Restart>();
  /** By host: a restart that is waited for, or under way. */
  readonly #awaited = new Map<string, AbortController>();
  readonly #jobs = new Set<Promise<void>>();
  #closed = false;

  constructor(context: NodeContext, { session, epoch }: Assignment, hearing: Hearing) {
    this.#context = context;
    this.#about = { session, epoch };
    this.#dir = sessionDir(context, session);
    this.#hearing = hearing;
  }

  /** From before an agent's restart. What was waited for then goes on when its end is told again. */
  async load(specs: readonly ContainerSpec[]): Promise<void> {
    await Promise.all(
      specs.map(async ({ host, maxRestarts }) => {
        const last = maxRestarts === undefined ? undefined : await loadRestart(this.#dir, host);
        if (last) this.#last.set(host, last);
      }),
    );
  }

  /** What there is to say of a container that runs; undefined where it was never started again. */
  reasonOf({ host, maxRestarts }: ContainerSpec): string | undefined {
    const last = this.#last.get(host);
    return last && maxRestarts !== undefined ? sayRestarted(last, maxRestarts) : undefined;
  }

  /** A container ended after its gate was opened; the same end may be told again. `reason`: what its exit code does not say. */
  ended(spec: ContainerSpec, container: Container, reason: string | undefined): Verdict {
    const { host, maxRestarts } = spec;
    if (maxRestarts === undefined) return exited(reason);
    const last = this.#last.get(host);
    if (last?.endedAt === container.finishedAt) {
      if (!this.#awaited.has(host)) this.#schedule(spec, container.id, last);
      return { status: "running", reason: sayAwaited(last, maxRestarts, Date.now()) };
    }
    const why = `it ended with exit code ${container.exitCode}${reason === undefined ? "" : ` (${reason})`}`;
    const again = this.#next(spec, container.id, { ...container, why });
    if (again) return again;
    return container.exitCode === 0 ? exited(reason) : exited(reason, sayUsedUp(maxRestarts));
  }

  /** A container is gone: it is not waited for any longer. */
  forget(host: string): void {
    this.#awaited.get(host)?.abort();
  }

  /** Nothing is started from now on; resolves when nothing is being started any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#awaited.values()) waiting.abort();
    await Promise.all(this.#jobs);
  }

  /** Undefined where there is no next one. */
  #next(spec: ContainerSpec, containerId: string, end: End): Verdict | undefined {
    const { host, maxRestarts = 0 } = spec;
    const now = Date.now();
    const next = nextRestart(this.#last.get(host), end, maxRestarts, now);
    if (!next) return undefined;
    this.#last.set(host, next);
    this.#schedule(spec, containerId, next);
    const reason = sayAwaited(next, maxRestarts, now);
    this.#context.log.info({ ...this.#about, host, reason }, "a container ended");
    return { status: "running", reason };
  }

  #schedule(spec: ContainerSpec, containerId: string, restart: Restart): void {
    if (this.#closed) return;
    const { host } = spec;
    const waiting = new AbortController();
    // A start that the engine never answered may have come true all the same.
    this.#awaited.get(host)?.abort();
    this.#awaited.set(host, waiting);
    const job = this.#restart(spec, containerId, restart, waiting.signal).finally(() => {
      this.#jobs.delete(job);
      if (this.#awaited.get(host) === waiting) this.#awaited.delete(host);
    });
    this.#jobs.add(job);
  }

  /** Never rejects. */
  async #restart(
    spec: ContainerSpec,
    containerId: string,
    restart: Restart,
    signal: AbortSignal,
  ): Promise<void> {
    const { host, maxRestarts = 0 } = spec;
    const { log } = this.#context;
    await saveRestart(this.#dir, host, restart).catch((error: Error) => {
      log.warn({ ...this.#about, host, reason: error.message }, "a restart could not be written down");
    });
    try {
      await delay(pauseBefore(restart, Date.now()), undefined, { signal });
      await this.#start(containerId, signal);
    } catch (error) {
      if (!signal.aborted) this.#refused(spec, containerId, restart, error as Error);
      return;
    }
    // Unless it has ended again by now.
    if (signal.aborted) return;
    log.info({ ...this.#about, host }, "started again");
    this.#hearing.onVerdict(host, { status: "running", reason: sayRestarted(restart, maxRestarts) });
  }

  /** An engine that does not answer is waited for: its restart is none of the container's. */
  async #start(containerId: string, signal: AbortSignal): Promise<void> {
    const { docker, limit } = this.#context;
    for (let failures = 0; ; failures++) {
      try {
        return await limit(async () => {
          signal.throwIfAborted();
          await docker.start(containerId);
        });
      } catch (error) {
        if (!(error instanceof DockerError) || error.status !== undefined) throw error;
        await delay(backoff(failures, Math.random()), undefined, { signal });
      }
    }
  }

  /** The engine would not start it: as if it had run for no time at all. */
  #refused(spec: ContainerSpec, containerId: string, { endedAt }: Restart, error: Error): void {
    const { host, maxRestarts = 0 } = spec;
    // Its network may be missing as well.
    if (error instanceof DockerError && error.status === 404 && /no such container/i.test(error.message)) {
      this.#hearing.onGone(host, containerId);
      return;
    }
    const why = `it could not be started: ${error.message}`.slice(0, 1024);
    const end = { exitCode: 128, startedAt: endedAt, finishedAt: endedAt, why };
    this.#hearing.onVerdict(host, this.#next(spec, containerId, end) ?? exited(why, sayUsedUp(maxRestarts)));
  }
}

/** `words`: what there is to say of it. */
function exited(...words: (string | undefined)[]): Verdict {
  const reason = words.filter((each) => each !== undefined).join("; ");
  return { status: "exited", ...(reason === "" ? {} : { reason }) };
}
