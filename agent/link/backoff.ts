/** How long to wait before dialling again: exponential with full jitter, so that a thousand agents do not come back at once. */

const BASE_MS = 250;
const CAP_MS = 15_000;

/** Milliseconds before the attempt after `failures` in a row; `random` from [0, 1). */
export function backoff(failures: number, random: number): number {
  return random * Math.min(CAP_MS, BASE_MS * 2 ** failures);
}
