/**
 * The Refusals object: what was refused lately, on its way to Fleet's audit log. It gathers in memory and hands over
 * every few seconds, so that a flood of refused requests neither writes with each nor reaches Fleet.
 */
import { DurableObject } from "cloudflare:workers";
import { KEPT_REFUSALS } from "../fleet/audit-log.ts";
import { Alarm } from "../platform/alarm.ts";
import type { Refusal } from "../platform/messages.ts";
import { fleetOf } from "../platform/objects.ts";

const HAND_OVER_MS = 5000;

export class Refusals extends DurableObject<Cloudflare.Env> {
  /** This life of the object: numbers count within it. */
  readonly #life = crypto.randomUUID();
  readonly #alarm: Alarm;
  #waiting: Refusal[] = [];
  #number = 0;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#alarm = new Alarm(ctx.storage);
  }

  note(refusal: Omit<Refusal, "number">): void {
    this.#waiting.push({ ...refusal, number: ++this.#number });
    if (this.#waiting.length > KEPT_REFUSALS) this.#waiting.shift();
    this.#alarm.ringBy(Date.now() + HAND_OVER_MS);
  }

  /** Hands over what waits; what is not taken waits on. */
  async handOver(): Promise<void> {
    const last = this.#waiting.at(-1)?.number;
    if (last === undefined) return;
    await fleetOf(this.env).takeRefusals(this.#life, this.#waiting);
    this.#waiting = this.#waiting.filter(({ number }) => number > last);
  }

  override async alarm(): Promise<void> {
    this.#alarm.rang();
    try {
      await this.handOver();
    } finally {
      if (this.#waiting.length > 0) this.#alarm.ringBy(Date.now() + HAND_OVER_MS);
    }
  }
}
