/** Keeps a server up: restarts it on the same port if it ends unexpectedly, until that keeps failing. */
import { setTimeout as pause } from "node:timers/promises";
import type { Server } from "./server.ts";
import { afterRun, type Run } from "./workerd-restarts.ts";

export interface Supervision {
  /** Starts it on a port. */
  start(port: number): Promise<Server>;
  /** 0: a free port, which later starts keep. */
  port: number;
  /** Takes one line for each unexpected end. */
  say(line: string): void;
  /** A monotonic clock in milliseconds. */
  now?(): number;
  /** Resolves after so many milliseconds; rejects when the signal aborts. */
  wait?(ms: number, signal: AbortSignal): Promise<unknown>;
}

/**
 * A server that outlives its workerd: `pid` is the latest one's; `ended` resolves once it has given up, with the reason, or was stopped.
 * Rejects if the first start fails.
 */
export async function supervise({
  start,
  port,
  say,
  now = () => performance.now(),
  wait = (ms, signal) => pause(ms, undefined, { signal }),
}: Supervision): Promise<Server> {
  const stopping = new AbortController();
  const { signal } = stopping;
  let server = await start(port);
  const samePort = port || Number(new URL(server.url).port);

  async function toItsEnd(): Promise<Run> {
    const since = now();
    const reason = await server.ended;
    return { reason, servedMs: now() - since };
  }

  async function again(): Promise<Run> {
    try {
      server = await start(samePort);
    } catch (error) {
      return { reason: (error as Error).message, servedMs: 0 };
    }
    // `stop` came during the start, when there was nothing to stop yet.
    if (signal.aborted) await server.stop();
    return toItsEnd();
  }

  async function keepUp(): Promise<string> {
    let run = await toItsEnd();
    let shortRuns = 0;
    while (!signal.aborted) {
      const next = afterRun(run, shortRuns);
      if ("giveUp" in next) return next.giveUp;
      say(`${run.reason}; starting it again`);
      await wait(next.pauseMs, signal).catch(() => {});
      if (signal.aborted) break;
      shortRuns = next.shortRuns;
      run = await again();
    }
    return run.reason;
  }

  const ended = keepUp();
  return {
    url: server.url,
    token: server.token,
    get pid() {
      return server.pid;
    },
    ended,
    async stop() {
      stopping.abort();
      await server.stop();
      await ended;
    },
  };
}
