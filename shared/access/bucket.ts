/** A token bucket: so many requests at once, and so many a minute in the long run. Has no clock of its own. */

/** `left` may be a fraction; `at` is the ms since 1970 that it is of. */
export interface Bucket {
  left: number;
  at: number;
}

export interface Rate {
  perMinute: number;
  burst: number;
}

/**
 * Takes one request out of the bucket; `undefined` is one that was never asked: full. `retryAfter` is 0 where it was
 * there, else the whole seconds until one is, and nothing is taken. A clock that runs back fills nothing.
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
