/** The link to the API: dials, and dials again. What is up here does not depend on it. */
import { setTimeout as delay } from "node:timers/promises";
import { type AgentMessage, CLOSE } from "../../shared/protocol/protocol.ts";
import type { Log } from "../log.ts";
import type { Desired } from "./api-frames.ts";
import { backoff } from "./backoff.ts";
import { type ConnectionOptions, connect, type Up } from "./connection.ts";
import type { Rotation } from "./rotation.ts";

/** A link that was up for this long was a good one: the next failure is the first again. */
const STABLE_MS = 10_000;

export interface LinkOptions
  extends Pick<ConnectionOptions, "api" | "joined" | "sign" | "about" | "onAssign" | "onNodes"> {
  rotation: Rotation;
  onWelcome(assignments: Desired[]): void;
  log: Log;
  /** From [0, 1), for the wait before dialling again. */
  random?: () => number;
}

export class Link {
  readonly #options: LinkOptions;
  #up: Up | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Says it, if the link is up. If not, nothing is lost: on the next welcome everything is told anew. */
  send(message: AgentMessage): void {
    this.#up?.send(JSON.stringify(message));
  }

  /** Ends it, if it is up, and dials again: it comes up when what hello says can be said. */
  renew(reason: string): void {
    this.#up?.end(reason);
  }

  /** Until the signal, or until the API says not to come back: then resolves with the reason. */
  async run(signal: AbortSignal): Promise<string | undefined> {
    const { log, onWelcome, rotation, random = Math.random, ...options } = this.#options;
    const connection: ConnectionOptions = {
      ...options,
      onWelcome: (assignments, up) => {
        this.#up = up;
        log.info({ assignments: assignments.length }, "link is up");
        rotation.welcomed(up.nonce, (message) => this.send(message));
        onWelcome(assignments);
      },
      onRotated: (publicKey) => rotation.rotated(publicKey),
    };
    let failures = 0;
    while (!signal.aborted) {
      const { stop, reason, code, stableMs } = await connect(connection, signal);
      this.#up = undefined;
      if (signal.aborted) return undefined;
      // The API may have taken a new key whose confirmation never came here.
      if (code === CLOSE.badSignature.code && rotation.refused()) continue;
      if (stop) return reason;
      failures = stableMs >= STABLE_MS ? 0 : failures + 1;
      const wait = backoff(failures, random());
      log.warn({ reason, again_ms: Math.round(wait) }, "link is down");
      await delay(wait, undefined, { signal }).catch(() => {});
    }
    return undefined;
  }
}
