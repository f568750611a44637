/** Listens to the engine's events for good: subscribes again after any break, and says what may have been missed, and when it stays silent. */
import { setTimeout as delay } from "node:timers/promises";
import { backoff } from "../link/backoff.ts";
import type { Log } from "../log.ts";
import type { DockerPort, EngineEvent } from "./port.ts";

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
  let failures = 0;
  let silentSince: number | undefined;
  let isSaid = false;
  while (!signal.aborted) {
    try {
      const events = await docker.events(signal);
      if (failures > 0) log.info("the Docker engine answers again");
      failures = 0;
      silentSince = undefined;
      isSaid = false;
      const broke = (error: Error) => log.error({ err: error }, "an event could not be seen to");
      // Not awaited: events go on meanwhile.
      onGap().catch(broke);
      for await (const event of events) onEvent(event).catch(broke);
    } catch (error) {
      if (signal.aborted) return;
      const reason = `the Docker engine does not answer: ${(error as Error).message}`;
      silentSince ??= performance.now();
      if (failures === 0) log.warn(reason);
      if (!isSaid && performance.now() - silentSince > PATIENCE_MS) {
        isSaid = true;
        onSilence(reason);
      }
    }
    if (signal.aborted) return;
    await delay(backoff(++failures, Math.random()), undefined, { signal }).catch(() => {});
  }
}
