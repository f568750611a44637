/** A token bucket: a burst of requests at once, and a rate per minute in the long run. The caller passes the time. */

/** `left` may be a fraction and holds at time `at`, ms since 1970. */
export interface Bucket {
  left: number;
  at: number;
}

export interface Rate {
  perMinute: number;
  burst: number;
}

/**
 * Takes one request out of the bucket; `undefined` is a full bucket. `retryAfter` is 0 if the bucket had one. Else it is the whole seconds
 * until it has one, and nothing is taken. A clock that runs back fills nothing.
 */
export function spend(
  bucket: Bucket | undefined,
  { perMinute, burst }: Rate,
  now: number,
): { bucket: Bucket; retryAfter: number } {
  const passed = bucket ? Math.max(0, now - bucket.at) : 0;
  const left = bucket ? Math.min(burst, bucket.left + (passed * perMinute) / 60_000) : burst;
  if (left >= 1) return { bucket: { left: left - 1, at: now }, retryAfter: 0 };
  return { bucket: { left, at: now }, retryAfter: Math.ceil(((1 - left) * 60) / perMinute) };
}
