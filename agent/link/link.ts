/** The link to the API: dials, and dials again after each break. Running containers do not depend on it. */
import { setTimeout as delay } from "node:timers/promises";
import { type AgentMessage, type Assign, CLOSE } from "../../shared/protocol/protocol.ts";
import { backoffAfter, failuresAfter } from "../backoff.ts";
import type { Log } from "../log.ts";
import { type ConnectionOptions, connect, type Up } from "./connection.ts";
import type { Rotation } from "./rotation.ts";

export interface LinkOptions
  extends Pick<ConnectionOptions, "api" | "joined" | "sign" | "about" | "onAssign" | "onNodes" | "onTunnel"> {
  rotation: Rotation;
  onWelcome(assignments: Assign[]): void;
  log: Log;
  /** From [0, 1), for the backoff. */
  random?: () => number;
}

export class Link {
  readonly #options: LinkOptions;
  #up: Up | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Sends a message if the link is up. Nothing is lost otherwise: after the next welcome all state is sent again. */
  send(message: AgentMessage): void {
    this.#up?.send(JSON.stringify(message));
  }

  /** Ends the link if it is up, and dials again. It comes up once the facts for `hello` can be measured. */
  renew(reason: string): void {
    this.#up?.end(reason);
  }

  /** Ends the link if it is up, and dials again. The API then sends everything that `hello` does not list. */
  resync(reason: string): void {
    this.#up?.resync(reason);
  }

  /** Runs until the signal, or until the API refuses the node for good: then resolves with the reason. */
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
      const { stop, reason, code, afterMs = 0, stableMs, spreadMs } = await connect(connection, signal);
      this.#up = undefined;
      if (signal.aborted) return undefined;
      // The API may have taken the new key, and its confirmation may have been lost.
      if (code === CLOSE.badSignature.code && rotation.refused()) continue;
      if (stop) return reason;
      failures = failuresAfter(failures, stableMs);
      const wait = spreadMs * random() + backoffAfter(afterMs, failures, random());
      log.warn({ reason, again_ms: Math.round(wait) }, "link is down");
      await delay(wait, undefined, { signal }).catch(() => {});
    }
    return undefined;
  }
}
