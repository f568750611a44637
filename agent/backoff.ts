/** How long to wait before trying again: exponential with full jitter, so that a thousand agents do not come back at once. */

const BASE_MS = 250;
const CAP_MS = 15_000;
/** A link that was up for this long was a good one: the next failure is the first again. */
const STABLE_MS = 10_000;

/** Milliseconds before the attempt after `failures` in a row; `random` from [0, 1). */
export function backoff(failures: number, random: number): number {
  return random * rangeOf(failures);
}

/**
 * The same after an answer with Retry-After (RFC 9110, 10.2.3): at least `afterMs`, plus a random part of at least the same range, since
 * every agent got the same answer.
 */
export function backoffAfter(afterMs: number, failures: number, random: number): number {
  return afterMs + random * Math.max(afterMs, rangeOf(failures));
}

function rangeOf(failures: number): number {
  return Math.min(CAP_MS, BASE_MS * 2 ** failures);
}

/** Failures in a row, after a link that was up for `stableMs` has ended; `failures` before it. */
export function failuresAfter(failures: number, stableMs: number): number {
  return stableMs >= STABLE_MS ? 0 : failures + 1;
}
