/**
 * Restarts containers of a session whose role asks for it. Docker's own restart policy does not fit. It would also restart a container that
 * ended before its gate opened, which must fail the session. And it would restart one that is being removed, or that nobody wants any
 * longer after a restart of the engine.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Assignment, ContainerSpec } from "../../shared/protocol/assignment.ts";
import type { ContainerStatus } from "../../shared/session/lifecycle.ts";
import { backoff } from "../backoff.ts";
import { type Container, DockerError } from "../docker/port.ts";
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

/** The state of a container after it ended. */
export interface Verdict {
  status: Extract<ContainerStatus, "running" | "exited">;
  reason?: string;
}

/** What happens later. */
export interface RestartListener {
  onVerdict(host: string, verdict: Verdict): void;
  /** Somebody else removed the container, so it cannot be started. */
  onGone(host: string, containerId: string): void;
}

export class Restarts {
  readonly #context: Pick<NodeContext, "docker" | "limit" | "log" | "logs">;
  readonly #about: Pick<Assignment, "session" | "epoch">;
  readonly #dir: string;
  readonly #listener: RestartListener;
  readonly #last = new Map<string, Restart>();
  /** By host: a restart that is due later, or running. */
  readonly #awaited = new Map<string, AbortController>();
  readonly #jobs = new Set<Promise<void>>();
  #closed = false;

  constructor(context: NodeContext, { session, epoch }: Assignment, listener: RestartListener) {
    this.#context = context;
    this.#about = { session, epoch };
    this.#dir = sessionDir(context, session);
    this.#listener = listener;
  }

  /** Reads the restarts that an earlier run of the agent stored. A pending one goes on when `ended` reports its end again. */
  async load(specs: readonly ContainerSpec[]): Promise<void> {
    await Promise.all(
      specs.map(async ({ host, maxRestarts }) => {
        const last = maxRestarts === undefined ? undefined : await loadRestart(this.#dir, host);
        if (last) this.#last.set(host, last);
      }),
    );
  }

  /** The reason to report for a running container; undefined when it was never restarted. */
  reasonOf({ host, maxRestarts }: ContainerSpec): string | undefined {
    const last = this.#last.get(host);
    return last && maxRestarts !== undefined ? sayRestarted(last, maxRestarts) : undefined;
  }

  /** A container ended after its gate opened. May be called again for the same end. `reason` is what the exit code does not say. */
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

  /** The container does not exist any longer: its pending restart is cancelled. */
  forget(host: string): void {
    this.#awaited.get(host)?.abort();
  }

  /** No restart begins from now on. Resolves when the running ones have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#awaited.values()) waiting.abort();
    await Promise.all(this.#jobs);
  }

  /** Undefined when there is no further restart. */
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
    // The engine may have carried out a start without answering, so an earlier restart may still be pending.
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
      log.warn({ ...this.#about, host, reason: error.message }, "a restart could not be stored");
    });
    try {
      await delay(pauseBefore(restart, Date.now()), undefined, { signal });
      await this.#start(containerId, signal);
    } catch (error) {
      if (!signal.aborted) this.#refused(spec, containerId, restart, error as Error);
      return;
    }
    this.#context.logs.started(this.#about.session, host, containerId);
    // When it has ended again already, the next restart has aborted this one.
    if (signal.aborted) return;
    log.info({ ...this.#about, host }, "the container was restarted");
    this.#listener.onVerdict(host, { status: "running", reason: sayRestarted(restart, maxRestarts) });
  }

  /** Retries while the engine does not answer. That must not use up a restart of the container. */
  async #start(containerId: string, signal: AbortSignal): Promise<void> {
    const { docker, limit } = this.#context;
    for (let failures = 0; ; failures++) {
      try {
        return await limit(signal, () => docker.start(containerId));
      } catch (error) {
        if (!(error instanceof DockerError) || error.status !== undefined) throw error;
        await delay(backoff(failures, Math.random()), undefined, { signal });
      }
    }
  }

  /** The engine refused to start the container. It counts as an end after no time. */
  #refused(spec: ContainerSpec, containerId: string, { endedAt }: Restart, error: Error): void {
    const { host, maxRestarts = 0 } = spec;
    // A 404 can also mean that the network is missing.
    if (error instanceof DockerError && error.status === 404 && /no such container/i.test(error.message)) {
      this.#listener.onGone(host, containerId);
      return;
    }
    const why = `it could not be started: ${error.message}`.slice(0, 1024);
    const end = { exitCode: 128, startedAt: endedAt, finishedAt: endedAt, why };
    this.#listener.onVerdict(host, this.#next(spec, containerId, end) ?? exited(why, sayUsedUp(maxRestarts)));
  }
}

/** Joins what there is to say about the end. */
function exited(...words: (string | undefined)[]): Verdict {
  const reason = words.filter((each) => each !== undefined).join("; ");
  return { status: "exited", ...(reason === "" ? {} : { reason }) };
}
