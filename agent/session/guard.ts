/** The node's firewall over all sessions: one table, loaded whole. Changes that come while it loads go together into the next load. */
import type { Runner } from "../host/runner.ts";
import { applyFirewall, type GuardedSession } from "../network/firewall.ts";
import type { Owner } from "../network/link-names.ts";

export class Guard {
  readonly #runner: Runner;
  readonly #owner: Owner;
  readonly #sessions = new Map<string, GuardedSession>();
  #nodes: readonly string[] = [];
  #next: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(runner: Runner, owner: Owner) {
    this.#runner = runner;
    this.#owner = owner;
  }

  /** Resolves when these sessions are guarded, besides all that were before. */
  async add(sessions: readonly GuardedSession[]): Promise<void> {
    for (const each of sessions) this.#sessions.set(each.session, each);
    await this.#load();
  }

  /** From now on no container reaches these addresses. */
  async keepFrom(nodes: readonly string[]): Promise<void> {
    this.#nodes = nodes;
    // An agent that has just started knows of no session yet, and the table from before it is better than none.
    if (this.#sessions.size > 0) await this.#load();
  }

  /** To be called when the session's network is gone. */
  async drop(session: string): Promise<void> {
    if (this.#sessions.delete(session)) await this.#load();
  }

  /** Exactly these. */
  async replace(sessions: readonly GuardedSession[]): Promise<void> {
    this.#sessions.clear();
    await this.add(sessions);
  }

  #load(): Promise<void> {
    this.#next ??= this.#last
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        const load = applyFirewall(this.#runner, this.#owner, [...this.#sessions.values()], this.#nodes);
        this.#last = load;
        return load;
      });
    return this.#next;
  }
}
