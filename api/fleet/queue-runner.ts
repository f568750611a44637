/**
 * Runs the queue over what changed: a new session at once, everything else at most once in a while (queue-clock.ts). Nothing is planned
 * because a node said hello: a round needs news that may help a waiting session.
 */
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { FromFleet } from "../platform/messages.ts";
import type { FleetSnapshot } from "./fleet-snapshot.ts";
import type { NodeChangeLog } from "./node-changes.ts";
import { countNodes } from "./node-table.ts";
import { QueueClock } from "./queue-clock.ts";
import { isWaiting, noteNews, planWaiting, untriedDemands } from "./waiting-queue.ts";

/** Set while something changed that the queue has not looked at: the object may sleep, or end, before the round. */
const NEWS = "queueNews";

export class QueueRunner {
  readonly #storage: DurableObjectStorage;
  readonly #mailbox: Mailbox<FromFleet>;
  readonly #snapshot: FleetSnapshot;
  readonly #changes: NodeChangeLog;
  readonly #clock = new QueueClock();

  constructor(
    storage: DurableObjectStorage,
    mailbox: Mailbox<FromFleet>,
    snapshot: FleetSnapshot,
    changes: NodeChangeLog,
  ) {
    this.#storage = storage;
    this.#mailbox = mailbox;
    this.#snapshot = snapshot;
    this.#changes = changes;
    if (storage.kv.get(NEWS)) snapshot.anythingChanged();
  }

  /** When a round is to run, ms since 1970; undefined: none is wanted. */
  get due(): number | undefined {
    return this.#clock.isWanted ? this.#clock.due : undefined;
  }

  /** Call in the transaction of a change that the snapshot was told of. Looks at once, or a little later. */
  lookSoon(): void {
    const { sql } = this.#storage;
    if (!isWaiting(sql)) {
      this.#snapshot.dropNews();
      this.#rest();
      return;
    }
    const now = Date.now();
    if (!this.#clock.isDue(now)) {
      this.#want();
      return;
    }
    if (this.#snapshot.hasNews) noteNews(sql, this.#snapshot.takeNews());
    this.#rest();
    const untried = untriedDemands(sql);
    if (untried === 0) return;
    const unfinished = this.#round(now);
    this.#clock.ran(now, untried * countNodes(sql));
    if (unfinished) this.#want();
  }

  /** A session has come. Alone it is planned at once; together with others that are to be looked at, in their order. */
  lookAtNew(): void {
    if (untriedDemands(this.#storage.sql) > 1) this.lookSoon();
    else if (this.#round(Date.now())) this.#want();
  }

  /** True: another round would get further. */
  #round(now: number): boolean {
    const { sql } = this.#storage;
    const snapshot = this.#snapshot.take();
    const { begun, unfinished } = planWaiting(sql, this.#mailbox, snapshot, this.#changes.number, now);
    this.#snapshot.filled(begun);
    if (begun.length > 0) this.#snapshot.networksChanged();
    return unfinished;
  }

  #want(): void {
    this.#clock.want();
    const { kv } = this.#storage;
    if (!kv.get(NEWS)) kv.put(NEWS, true);
  }

  #rest(): void {
    this.#clock.rest();
    const { kv } = this.#storage;
    if (kv.get(NEWS)) kv.delete(NEWS);
  }
}
