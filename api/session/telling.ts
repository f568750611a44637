/** Tells nodes and Fleet what they do not know yet: what is written down as wanted but not as told. */

import { eachLimited } from "../platform/each-limited.ts";
import type { SessionNews } from "../platform/messages.ts";
import { fleetOf, nodeOf } from "../platform/objects.ts";
import type { Frames } from "./assign-frames.ts";
import { conclude } from "./rules.ts";
import { type PartRow, RANK_OF, type SessionRecord, type SessionStore } from "./session-store.ts";

/** Calls under way at once; each may carry a megabyte. */
const AT_ONCE = 32;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;

export class Telling {
  readonly #env: Cloudflare.Env;
  readonly #store: SessionStore;
  readonly #frames: Frames;
  readonly #change: <T>(work: (record: SessionRecord) => T) => T;
  #round: Promise<void> | undefined;
  #failures = 0;

  constructor(
    env: Cloudflare.Env,
    store: SessionStore,
    frames: Frames,
    change: <T>(work: (record: SessionRecord) => T) => T,
  ) {
    this.#env = env;
    this.#store = store;
    this.#frames = frames;
    this.#change = change;
  }

  /** When to try again where this process does not live to see the answer; null where all is told. */
  dueAt(): number | null {
    if (!this.#behind()) return null;
    return Date.now() + Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
  }

  /** Tells all that is untold, in rounds; one at a time, so that nobody hears things out of order. Never throws. */
  tell(): Promise<void> {
    this.#round ??= this.#rounds().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  /** Tells one node its part once more. */
  async again(node: string): Promise<void> {
    const record = this.#store.record()!;
    const part = this.#store.partOf(node)!;
    await this.#tellNode(record, part, "[]").catch((error: unknown) => complain(record, error));
  }

  async #rounds(): Promise<void> {
    // The caller's own transaction is over when this goes on: a microtask later, still before any other event.
    await Promise.resolve();
    while (this.#behind()) {
      const failed = await this.#tellAll();
      this.#failures = failed ? this.#failures + 1 : 0;
      // The alarm goes on.
      if (failed) return;
    }
  }

  #behind(): boolean {
    const record = this.#store.record();
    return record !== undefined && (record.news > record.newsTaken || this.#store.untold().length > 0);
  }

  /** True where somebody could not be told. */
  async #tellAll(): Promise<boolean> {
    const record = this.#store.record()!;
    const parts = this.#store.untold();
    const identities = parts.some(({ wanted }) => wanted === RANK_OF.started || wanted === RANK_OF.running)
      ? this.#store.identities()
      : "[]";
    const taken: PartRow[] = [];
    let failed = false;
    const note = (error: unknown) => {
      failed = true;
      complain(record, error);
    };
    const news = record.news > record.newsTaken ? this.#newsOf(record) : undefined;
    const [fleet] = await Promise.all([
      news && this.#tellFleet(news).then(() => true, note),
      eachLimited(parts, AT_ONCE, (part) =>
        this.#tellNode(record, part, identities).then(() => void taken.push(part), note),
      ),
    ]);
    this.#change((current) => {
      this.#store.told(taken);
      if (!news || !fleet) return;
      current.newsTaken = news.number;
      if (current.settled && current.news === news.number && current.outcome !== null) {
        conclude(this.#store, current, Date.now());
      }
    });
    return failed;
  }

  async #tellNode(record: SessionRecord, part: PartRow, identities: string): Promise<void> {
    const frame = this.#frames.frame(record, part, identities);
    await nodeOf(this.#env, part.node).assign({
      session: record.id,
      epoch: part.epoch,
      rank: part.wanted,
      frame,
    });
  }

  async #tellFleet(news: SessionNews): Promise<void> {
    await fleetOf(this.#env).sessionNews(news);
  }

  #newsOf({ id, news, status, epoch, settled, outcome, avoid }: SessionRecord): SessionNews {
    const replan = settled && outcome === "replan";
    return {
      id,
      number: news,
      status: settled && outcome && outcome !== "replan" ? outcome : status,
      epoch,
      removed: this.#store
        .parts()
        .filter(({ reached }) => reached === RANK_OF.removed)
        .map(({ epoch: of, node }) => ({ epoch: of, node })),
      replan,
      avoid,
    };
  }
}

function complain({ id }: SessionRecord, error: unknown): void {
  console.error(`${id}: could not be told, will be tried again:`, error);
}
