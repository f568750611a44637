/** The firewall of all sessions on this node. Changes that arrive during a load are combined in the next load. */
import type { Runner } from "../host/runner.ts";
import type { AddressSet } from "../network/address-set.ts";
import { applyFirewall, type GuardedSession } from "../network/firewall.ts";
import type { Owner } from "../network/link-names.ts";

export class Guard {
  readonly #runner: Runner;
  readonly #owner: Owner;
  readonly #sessions = new Map<string, GuardedSession>();
  #nodes: AddressSet = [];
  #next: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(runner: Runner, owner: Owner) {
    this.#runner = runner;
    this.#owner = owner;
  }

  /** Adds these sessions. Resolves when they are guarded. */
  async add(sessions: readonly GuardedSession[]): Promise<void> {
    for (const each of sessions) this.#sessions.set(each.session, each);
    await this.#load();
  }

  /** No container may reach these addresses from now on. */
  async keepFrom(nodes: AddressSet): Promise<void> {
    this.#nodes = nodes;
    // After a restart the agent knows no session yet, and must not replace the table of its predecessor by an empty one.
    if (this.#sessions.size > 0) await this.#load();
  }

  /** To be called after the session's network was removed. */
  async drop(session: string): Promise<void> {
    if (this.#sessions.delete(session)) await this.#load();
  }

  /** Guards exactly these sessions. */
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
