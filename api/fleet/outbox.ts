/** What Fleet has yet to tell others: written with the change it tells of, delivered in order until it is taken. */

import type { Alarm } from "../platform/alarm.ts";
import { deleteDocument, getDocument, putDocument } from "../platform/documents.ts";
import type { FleetMessage } from "../platform/messages.ts";

export type Outgoing = { to: "session"; message: FleetMessage } | { to: "node" } | { to: "limiter" };

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;

/** `target` is an object's name: a session's, a node's or a token's id. */
export class Outbox {
  readonly #storage: DurableObjectStorage;
  readonly #send: (target: string, outgoing: Outgoing) => Promise<void>;
  /** What is under way, by target: one at a time, so that a target hears things in order. */
  readonly #lines = new Map<string, Promise<void>>();
  readonly #alarm: Alarm;
  #failures = 0;

  constructor(
    storage: DurableObjectStorage,
    alarm: Alarm,
    send: (target: string, outgoing: Outgoing) => Promise<void>,
  ) {
    this.#storage = storage;
    this.#alarm = alarm;
    this.#send = send;
  }

  /** Call in the transaction that makes it true. */
  add(target: string, outgoing: Outgoing): void {
    const { sql } = this.#storage;
    const { seq } = sql
      .exec<{ seq: number }>("INSERT INTO outbox (target) VALUES (?) RETURNING seq", target)
      .one();
    putDocument(sql, `outbox/${seq}`, outgoing);
  }

  /** Takes back what was not delivered yet. */
  withdraw(target: string): void {
    for (const { seq } of this.#waiting(target)) this.#forget(seq);
  }

  /** Call after the transaction, in the same turn: the alarm is then part of the same commit. */
  schedule(): void {
    if (this.#targets().length === 0) return;
    const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#alarm.ringBy(Date.now() + delay);
  }

  /** Delivers to everybody; never throws: what is not taken stays for the alarm. */
  async deliverAll(): Promise<void> {
    const results = await Promise.allSettled(this.#targets().map((target) => this.deliver(target)));
    this.#failures = results.some(({ status }) => status === "rejected") ? this.#failures + 1 : 0;
    this.schedule();
  }

  /** Delivers all that waits for one target. */
  deliver(target: string): Promise<void> {
    const before = this.#lines.get(target) ?? Promise.resolve();
    const line = before.catch(() => {}).then(() => this.#drain(target));
    this.#lines.set(target, line);
    const done = () => {
      if (this.#lines.get(target) === line) this.#lines.delete(target);
    };
    line.then(done, done);
    return line;
  }

  async #drain(target: string): Promise<void> {
    for (const { seq } of this.#waiting(target)) {
      const outgoing = getDocument<Outgoing>(this.#storage.sql, `outbox/${seq}`);
      if (outgoing) await this.#send(target, outgoing);
      this.#forget(seq);
    }
  }

  #forget(seq: number): void {
    this.#storage.sql.exec("DELETE FROM outbox WHERE seq = ?", seq);
    deleteDocument(this.#storage.sql, `outbox/${seq}`);
  }

  #waiting(target: string): { seq: number }[] {
    return this.#storage.sql
      .exec<{ seq: number }>("SELECT seq FROM outbox WHERE target = ? ORDER BY seq", target)
      .toArray();
  }

  #targets(): string[] {
    return this.#storage.sql
      .exec<{ target: string }>("SELECT DISTINCT target FROM outbox")
      .toArray()
      .map(({ target }) => target);
  }
}
