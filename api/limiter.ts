/** The Limiter object: what one token may still ask. In memory only; it writes nothing, ever. */
import { DurableObject } from "cloudflare:workers";
import { type Bucket, spend } from "../shared/bucket.ts";
import { SETTINGS } from "../shared/settings.ts";

export class Limiter extends DurableObject<Cloudflare.Env> {
  #bucket: Bucket | undefined;

  /** One request. 0: go ahead; else the seconds to wait. */
  spend(): number {
    const rate = { perMinute: SETTINGS.requestsPerMinute, burst: SETTINGS.requestBurst };
    const { bucket, retryAfter } = spend(this.#bucket, rate, Date.now());
    this.#bucket = bucket;
    return retryAfter;
  }
}
