/** The Limiter object: one token's rate limit, and whether it was revoked. Counting is in memory only. */
import { DurableObject } from "cloudflare:workers";
import { type Bucket, spend } from "../../shared/access/bucket.ts";
import { SETTINGS } from "../platform/installation-settings.ts";

export class Limiter extends DurableObject<Cloudflare.Env> {
  #bucket: Bucket | undefined;
  /** Undefined: not read since this object woke. */
  #revoked: boolean | undefined;

  /** Counts one request. `retryAfter` 0: allowed; else the seconds to wait. A revoked token is never allowed. */
  spend(): { revoked: boolean; retryAfter: number } {
    this.#revoked ??= this.ctx.storage.kv.get<boolean>("revoked") ?? false;
    if (this.#revoked) return { revoked: true, retryAfter: 0 };
    const rate = { perMinute: SETTINGS.requestsPerMinute, burst: SETTINGS.requestBurst };
    const { bucket, retryAfter } = spend(this.#bucket, rate, Date.now());
    this.#bucket = bucket;
    return { revoked: false, retryAfter };
  }

  /** From Fleet: revokes the token for good. */
  revoke(): void {
    this.ctx.storage.kv.put("revoked", true);
    this.#revoked = true;
  }
}
