/**
 * Where the fleet's nodes are, which every node must know so as to keep its containers from them. A node hears it when its link comes up;
 * those whose link is up hear of each change from here, in rounds, so that many joins at once are told as one.
 */

import type { Alarm } from "../platform/alarm.ts";
import type { NodeAddresses } from "../platform/messages.ts";
import { joinAddresses, noteTold, untoldNodes } from "./node-table.ts";

/** From a change to its first round. */
const SETTLE_MS = 200;
const RETRY_MS = 5_000;
/** Nodes in one round: a worker may make 1,000 calls in one go (Cloudflare's limits for Workers, subrequests). */
const ROUND = 200;

export class Addresses {
  readonly #storage: DurableObjectStorage;
  readonly #alarm: Alarm;
  readonly #send: (node: string, addresses: NodeAddresses) => Promise<void>;
  /** When the next round is due, ms since 1970; undefined: the alarm is set for it, or nobody is left to tell. */
  #due: number | undefined;
  /** As they were last read: all nodes may ask at once. */
  #known: NodeAddresses | undefined;

  constructor(
    storage: DurableObjectStorage,
    alarm: Alarm,
    send: (node: string, addresses: NodeAddresses) => Promise<void>,
  ) {
    this.#storage = storage;
    this.#alarm = alarm;
    this.#send = send;
  }

  /** Call in the transaction in which a node joins or leaves. */
  changed(): void {
    this.#storage.kv.put("changes", this.#change() + 1);
    this.#due = Date.now() + SETTLE_MS;
  }

  /** Call after the transaction, in the same turn: the alarm is then part of the same commit. */
  schedule(): void {
    if (this.#due !== undefined) this.#alarm.ringBy(this.#due);
    this.#due = undefined;
  }

  /** For a node whose link has just come up. */
  tellOne(node: string): NodeAddresses {
    const now = this.#now();
    noteTold(this.#storage.sql, node, now.change);
    return now;
  }

  /** A round; never throws: who could not be told stays for the next. O(nodes) for each node told. */
  async tellMore(): Promise<void> {
    const { sql } = this.#storage;
    const untold = untoldNodes(sql, this.#change(), ROUND);
    if (untold.length === 0) return;
    const now = this.#now();
    const results = await Promise.allSettled(
      untold.map(async (node) => {
        await this.#send(node, now);
        noteTold(sql, node, now.change);
      }),
    );
    const failed = results.filter(({ status }) => status === "rejected").length;
    if (failed > 0) this.#due = Date.now() + RETRY_MS;
    else if (untoldNodes(sql, this.#change(), 1).length > 0) this.#due = Date.now();
    this.schedule();
  }

  #now(): NodeAddresses {
    const change = this.#change();
    if (this.#known?.change !== change) this.#known = { change, addresses: joinAddresses(this.#storage.sql) };
    return this.#known;
  }

  /** How often a node has joined or left. */
  #change(): number {
    return this.#storage.kv.get<number>("changes") ?? 0;
  }
}
