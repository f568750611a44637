/** A simulated agent: obeys the API, and dials again as a real one does (agent/link/link.ts). */
import { setTimeout as pause } from "node:timers/promises";
import { backoffAfter, failuresAfter } from "../../agent/backoff.ts";
import { CLOSE } from "../../shared/protocol/protocol.ts";
import { LinkRefused, type NodeSocket, noTraffic, type TestNode, type Traffic } from "./node.ts";

/** Counters that the agents of one process share. */
export interface Tally {
  up: Set<SteadfastAgent>;
  failed: Record<string, number>;
  traffic: Traffic;
}

export function newTally(): Tally {
  return { up: new Set(), failed: {}, traffic: noTraffic() };
}

interface Ended {
  code: number;
  afterMs: number;
  stableMs: number;
  spreadMs: number;
}

/** Close codes after which an agent does not dial again. */
const FINAL = new Set(
  Object.values(CLOSE)
    .filter(({ retry }) => !retry)
    .map(({ code }) => code as number),
);

export class SteadfastAgent {
  readonly #node: TestNode;
  readonly #tally: Tally;
  #left = false;
  #socket: NodeSocket | undefined;

  constructor(node: TestNode, tally: Tally) {
    this.#node = node;
    this.#tally = tally;
  }

  /** Resolves when the first dial is over, with or without a welcome. Goes on in the background. */
  start(): Promise<void> {
    return new Promise((dialled) => void this.#run(dialled));
  }

  leave(): void {
    this.#left = true;
    this.#socket?.close();
  }

  async #run(dialled: () => void): Promise<void> {
    let failures = 0;
    while (!this.#left) {
      const { code, afterMs, stableMs, spreadMs } = await this.#connect(dialled);
      if (FINAL.has(code)) return;
      failures = failuresAfter(failures, stableMs);
      await pause(spreadMs * Math.random() + backoffAfter(afterMs, failures, Math.random()));
    }
  }

  /** One connection to its end, like the real agent's (agent/link/connection.ts). */
  async #connect(dialled: () => void): Promise<Ended> {
    const { up, failed, traffic } = this.#tally;
    try {
      this.#socket = await this.#node.follow(undefined, traffic);
    } catch (error) {
      if (!(error instanceof LinkRefused)) throw error;
      failed[error.message] = (failed[error.message] ?? 0) + 1;
      return { code: error.code, afterMs: error.afterMs, stableMs: 0, spreadMs: 0 };
    } finally {
      dialled();
    }
    const since = performance.now();
    up.add(this);
    const { code } = await this.#socket.closed;
    up.delete(this);
    const { redialMs } = await this.#socket.welcomed;
    return { code, afterMs: 0, stableMs: performance.now() - since, spreadMs: code < 4000 ? redialMs : 0 };
  }
}
