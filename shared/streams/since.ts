/** A moment as clients give it for logs: RFC 3339 with up to nanoseconds, or a span back from now like `10m`. */

const SPAN_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** ns since 1970; undefined if the text is neither. `now` in ms since 1970. */
export function sinceOf(text: string, now: number): bigint | undefined {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (unit !== undefined)
    return BigInt(Math.max(0, now - Number(count) * SPAN_SECONDS[unit]! * 1000)) * 1_000_000n;
  const [, seconds, fraction = "", zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i.exec(text) ?? [];
  if (zone === undefined) return undefined;
  const at = Date.parse(`${seconds}${zone}`);
  return at >= 0 ? BigInt(at) * 1_000_000n + BigInt(fraction.padEnd(9, "0")) : undefined;
}
