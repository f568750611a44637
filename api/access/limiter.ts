/** The Limiter object: one token's rate limit, and whether it was revoked. Counting is in memory only. */
import { DurableObject } from "cloudflare:workers";
import { type Bucket, spend } from "../../shared/access/bucket.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { Waiters } from "../platform/waiters.ts";

export class Limiter extends DurableObject<Cloudflare.Env> {
  #bucket: Bucket | undefined;
  /** Undefined: not read since this object woke. */
  #revoked: boolean | undefined;
  readonly #waiters = new Waiters();

  /** Counts one request. `retryAfter` 0: allowed; else the seconds to wait. A revoked token is never allowed. */
  spend(): { revoked: boolean; retryAfter: number } {
    if (this.#isRevoked()) return { revoked: true, retryAfter: 0 };
    const rate = { perMinute: SETTINGS.requestsPerMinute, burst: SETTINGS.requestBurst };
    const { bucket, retryAfter } = spend(this.#bucket, rate, Date.now());
    this.#bucket = bucket;
    return { revoked: false, retryAfter };
  }

  /** From Fleet: revokes the token for good. */
  revoke(): void {
    this.ctx.storage.kv.put("revoked", true);
    this.#revoked = true;
    this.#waiters.check();
  }

  /** Counts no request. */
  isRevoked(): boolean {
    return this.#isRevoked();
  }

  /** Answers true as soon as the token is revoked, and false if it is not within so many seconds. Counts no request. */
  async untilRevoked(seconds: number): Promise<boolean> {
    const isRevoked = () => this.#isRevoked();
    if (!isRevoked()) await this.#waiters.wait(isRevoked, seconds);
    return isRevoked();
  }

  #isRevoked(): boolean {
    this.#revoked ??= this.ctx.storage.kv.get<boolean>("revoked") ?? false;
    return this.#revoked;
  }
}
