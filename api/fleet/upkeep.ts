/**
 * What Fleet does when its time has come, without a request: it sweeps the Links, loses silent nodes, fails sessions that waited too long,
 * announces joins and leaves, and forgets ended sessions. One alarm serves all of it.
 */

import type { Mailbox } from "../mailbox/mailbox.ts";
import type { Alarm } from "../platform/alarm.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import type { FromFleet } from "../platform/messages.ts";
import { linkNumberOf } from "../platform/objects.ts";
import { linkTarget } from "./fleet-mail.ts";
import { redialSpread, SWEEP_MS, sweepLinks } from "./leases.ts";
import { tellLoss } from "./leaving.ts";
import type { NodeChangeLog } from "./node-changes.ts";
import { countNodes, disconnectNode, earliestDown, hasNode, loseNodes } from "./node-table.ts";
import { earliestTimeout, failImpatient } from "./queue-timeout.ts";
import { busyNodes } from "./reservations.ts";
import { RETENTION_PAUSE_MS, retentionDue, sweepEnded } from "./retention.ts";

/** Delay from a join or leave until Fleet sends it to the nodes that have work: many joins at once make one message. */
const SETTLE_MS = 200;
/** Number of the last join or leave that was announced. */
const ANNOUNCED = "announced";

export class Upkeep {
  readonly #storage: DurableObjectStorage;
  readonly #mailbox: Mailbox<FromFleet>;
  readonly #alarm: Alarm;
  readonly #changes: NodeChangeLog;
  /** When the next sweep asks the Links, ms since 1970. */
  #sweepDue = 0;
  /** No ended session is forgotten before this, ms since 1970. */
  #retentionRests = 0;
  /** Counted at the last sweep: counting all nodes at each hello would cost O(nodes²). */
  #redialMs: number | undefined;

  constructor(
    storage: DurableObjectStorage,
    mailbox: Mailbox<FromFleet>,
    alarm: Alarm,
    changes: NodeChangeLog,
  ) {
    this.#storage = storage;
    this.#mailbox = mailbox;
    this.#alarm = alarm;
    this.#changes = changes;
  }

  /** Milliseconds over which agents spread their dials after a crash. */
  get redialMs(): number {
    this.#redialMs ??= redialSpread(countNodes(this.#storage.sql));
    return this.#redialMs;
  }

  /**
   * Asks the Links if it is time. Returns a function for a transaction: it marks the nodes whose link ended without a close event, and
   * returns their ids.
   */
  async sweep(env: Cloudflare.Env): Promise<() => string[]> {
    const { sql } = this.#storage;
    if (Date.now() < this.#sweepDue) return () => [];
    this.#sweepDue = Date.now() + SWEEP_MS;
    this.#redialMs = undefined;
    const down = await sweepLinks(env, sql);
    return () =>
      down
        .filter(({ node, connection, heardAt }) => disconnectNode(sql, node, connection, heardAt))
        .map(({ node }) => node);
  }

  /** Call in a transaction. Returns the nodes that were lost now. */
  onTime(now: number): string[] {
    const { sql } = this.#storage;
    const lost = loseNodes(sql, now - SETTINGS.nodeLeaseSeconds * 1000);
    for (const row of lost) tellLoss(sql, this.#mailbox, row, now);
    failImpatient(sql, this.#mailbox, now);
    if (now >= this.#retentionRests && sweepEnded(sql, this.#mailbox, now))
      this.#retentionRests = now + RETENTION_PAUSE_MS;
    this.#announce();
    return lost.map(({ id }) => id);
  }

  /** Sets the alarm for what is due next. Call after each change. */
  arm(now: number): void {
    const { sql } = this.#storage;
    if (hasNode(sql)) this.#alarm.ringBy(Math.max(now, this.#sweepDue));
    const down = earliestDown(sql);
    if (down !== null) this.#alarm.ringBy(down + SETTINGS.nodeLeaseSeconds * 1000);
    const timeout = earliestTimeout(sql);
    if (timeout !== null) this.#alarm.ringBy(Math.max(now, timeout));
    if (this.#announced !== this.#changes.number) this.#alarm.ringBy(now + SETTLE_MS);
  }

  /** Sets the alarm for the retention. Call when a session has ended, and after each alarm. */
  armRetention(now: number): void {
    const due = retentionDue(this.#storage.sql, now);
    if (due !== undefined) this.#alarm.ringBy(Math.max(due, this.#retentionRests));
  }

  /** Sends joins and leaves to the nodes that have work: one letter per Link. */
  #announce(): void {
    const { sql, kv } = this.#storage;
    const { number } = this.#changes;
    if (this.#announced === number) return;
    kv.put(ANNOUNCED, number);
    for (const link of new Set(busyNodes(sql).map(linkNumberOf))) {
      this.#mailbox.post(linkTarget(link), { kind: "nodesChanged" }, "nodes");
    }
  }

  get #announced(): number {
    return this.#storage.kv.get<number>(ANNOUNCED) ?? 0;
  }
}
