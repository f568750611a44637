/** Listens to the engine's events for good: subscribes again after any break, and says when something may have been missed. */
import { setTimeout as delay } from "node:timers/promises";
import { backoff } from "../link/backoff.ts";
import type { Log } from "../log.ts";
import type { DockerPort, EngineEvent } from "./port.ts";

export interface Listener {
  onEvent(event: EngineEvent): Promise<void>;
  /** Events are heard from now on; what was before has to be looked up. */
  onGap(): Promise<void>;
}

/** Until the signal. */
export async function watchEngine(
  docker: DockerPort,
  log: Log,
  signal: AbortSignal,
  { onEvent, onGap }: Listener,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      const events = await docker.events(signal);
      if (failures > 0) log.info("the Docker engine answers again");
      failures = 0;
      const broke = (error: Error) => log.error({ err: error }, "an event could not be seen to");
      // Not awaited: events go on meanwhile.
      onGap().catch(broke);
      for await (const event of events) onEvent(event).catch(broke);
    } catch (error) {
      if (!signal.aborted && failures === 0) {
        log.warn({ reason: (error as Error).message }, "the Docker engine does not answer");
      }
    }
    if (signal.aborted) return;
    await delay(backoff(++failures, Math.random()), undefined, { signal }).catch(() => {});
  }
}
