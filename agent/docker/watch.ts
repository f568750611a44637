/** Listens to the engine's events. Subscribes again after each break, and reports gaps and long silences. */
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../log.ts";
import type { DockerPort, EngineEvent } from "./port.ts";

/** Short and without jitter: the engine is local, and this is its only listener of the kind. */
const RETRY_MS = 1_000;
/** Longer than a restart of the engine takes. */
const PATIENCE_MS = 10_000;

export interface Listener {
  onEvent(event: EngineEvent): Promise<void>;
  /** Events arrive from now on; earlier ones may have been missed. */
  onGap(): Promise<void>;
  /** The engine has not answered for PATIENCE_MS. Called once per silence. */
  onSilence(reason: string): void;
}

/** Runs until the signal aborts. */
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
      const broke = (error: Error) =>
        log.error({ err: error }, "an event of the engine could not be handled");
      // Not awaited, so that events are handled meanwhile.
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
