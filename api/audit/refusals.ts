/**
 * The Refusals object: recent refusals on their way to Fleet's audit log. It collects them in memory and hands them over every few seconds.
 * So a flood of refused requests neither causes a write each nor reaches Fleet.
 */
import { DurableObject } from "cloudflare:workers";
import { MAIL_SCHEMA, Mailbox } from "../mailbox/mailbox.ts";
import { Alarm } from "../platform/alarm.ts";
import { DOCUMENTS } from "../platform/documents.ts";
import type { Refusal } from "../platform/messages.ts";
import { KEPT_REFUSALS } from "../platform/messages.ts";
import { fleetOf } from "../platform/objects.ts";

const HAND_OVER_MS = 5000;
const FLEET = "fleet";

export class Refusals extends DurableObject<Cloudflare.Env> {
  readonly #alarm: Alarm;
  readonly #mailbox: Mailbox<Refusal[]>;
  /** The latest ones, at most as many as the audit log keeps. */
  #gathered: Refusal[] = [];

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    ctx.storage.sql.exec(MAIL_SCHEMA + DOCUMENTS);
    this.#alarm = new Alarm(ctx.storage);
    this.#mailbox = new Mailbox(ctx.storage, this.#alarm, (_, letters) => fleetOf(env).takeRefusals(letters));
  }

  note(refusal: Refusal): void {
    this.#gathered.push(refusal);
    if (this.#gathered.length > KEPT_REFUSALS) this.#gathered.shift();
    this.#alarm.ringBy(Date.now() + HAND_OVER_MS);
  }

  /** Hands over the collected refusals. Rejects if Fleet does not take them; the alarm then retries. */
  async handOver(): Promise<void> {
    // One letter at a time: while Fleet takes none, new refusals are collected here, up to the bound.
    if (!this.#mailbox.isWaiting(FLEET) && this.#gathered.length > 0) {
      this.ctx.storage.transactionSync(() => this.#mailbox.post(FLEET, this.#gathered));
      this.#gathered = [];
      this.#mailbox.schedule();
    }
    await this.#mailbox.deliver(FLEET);
  }

  override async alarm(): Promise<void> {
    this.#alarm.rang();
    await this.handOver().catch(() => {});
    this.#mailbox.schedule();
    if (this.#gathered.length > 0) this.#alarm.ringBy(Date.now() + HAND_OVER_MS);
  }
}
