/** Listens to the engine's events for good: subscribes again after any break, and says what may have been missed, and when it stays silent. */
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../log.ts";
import type { DockerPort, EngineEvent } from "./port.ts";

/** It is on this machine and asked by nobody else so: no need to spare it. */
const RETRY_MS = 1_000;
/** Longer than an engine takes that is started again. */
const PATIENCE_MS = 10_000;

export interface Listener {
  onEvent(event: EngineEvent): Promise<void>;
  /** Events are heard from now on; what was before has to be looked up. */
  onGap(): Promise<void>;
  /** The engine has not answered for so long that it may be dead; once for each such silence. */
  onSilence(reason: string): void;
}

/** Until the signal. */
export async function watchEngine(
  docker: DockerPort,
  log: Log,
  signal: AbortSignal,
  { onEvent, onGap, onSilence }: Listener,
): Promise<void> {
  let silence: { since: number; isSaid: boolean } | undefined;
  while (!signal.aborted) {
    try {
      const events = await docker.events(signal);
      if (silence) log.info("the Docker engine answers again");
      silence = undefined;
      const broke = (error: Error) => log.error({ err: error }, "an event could not be seen to");
      // Not awaited: events go on meanwhile.
      onGap().catch(broke);
      for await (const event of events) onEvent(event).catch(broke);
    } catch (error) {
      if (signal.aborted) return;
      const reason = `the Docker engine does not answer: ${(error as Error).message}`;
      if (!silence) log.warn(reason);
      silence ??= { since: performance.now(), isSaid: false };
      if (!silence.isSaid && performance.now() - silence.since > PATIENCE_MS) {
        silence.isSaid = true;
        onSilence(reason);
      }
    }
    await delay(RETRY_MS, undefined, { signal }).catch(() => {});
  }
}
